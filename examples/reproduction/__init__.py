"""What `examples/reproduce.py` works with: rows of tables, their runs, their records, the page."""
