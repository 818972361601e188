"""What users call, one file for each verb. Pytrees stop here: nothing below knows a container."""
