"""The data sets, one module each: `INFO`, its catalogue entry, and `load`, which reads it."""
