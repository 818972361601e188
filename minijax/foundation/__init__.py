"""The room of the files that need no arrays: errors, configuration, dtypes, pytrees, source lines, effects, devices."""
