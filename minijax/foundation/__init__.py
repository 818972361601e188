"""What knows no array: errors, configuration, dtypes, pytrees, places in the user's source, effects, devices."""
