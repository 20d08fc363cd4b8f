"""Helpers without a domain: option checks, batches of rows, whole files, seeds."""
