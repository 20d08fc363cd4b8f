"""The command line: `hiervae` and `python -m hiervae`."""

from hiervae.cli.main import main

__all__ = ["main"]
