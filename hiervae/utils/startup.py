"""How this process was started."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = "hiervae"


def runs_as_command() -> bool:
    """Whether this process is the command `hiervae` or `python -m hiervae`.

    The command imports Keras only where a subcommand needs it: it must start fast, and say in one
    line what is wrong when the backend is missing.
    """
    program = sys.argv[0] if sys.argv else ""
    if program == "-m":  # Python has not resolved the module's file yet
        return "-m" in sys.orig_argv and sys.orig_argv[sys.orig_argv.index("-m") + 1] == PROGRAM
    return Path(program).stem.removesuffix("-script") == PROGRAM
