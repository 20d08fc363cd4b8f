"""Readers of the published file formats, written for files that nobody vouches for.

Each checks sizes and dimensions before it allocates, executes nothing that a file contains, and
raises `DamagedFileError` with the file's name and what is wrong.
"""
