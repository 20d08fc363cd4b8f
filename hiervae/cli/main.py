"""The entry point: parsing, dispatch, and what happens when something goes wrong."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module, metadata

from hiervae.cli.console import Console
from hiervae.cli.parsing import CommandParser
from hiervae.cli.usage_error import UsageError
from hiervae.errors import DatasetOptionError, HiervaeError

COMMANDS = (
    "train",
    "evaluate",
    "interpolate",
    "sample",
    "traverse",
    "report",
    "plugins",
    "new-plugin",
    "datasets",
)

INTERRUPTED = 130

EPILOG = """\
examples:
  hiervae train                                     a pendulum, from nothing to figures
  hiervae train --dataset static_mnist --out runs/mnist
  hiervae evaluate runs/mnist --num-samples 5000
  hiervae interpolate runs/pendulum                 from 0 to 180 degrees
  hiervae <command> --help                          all options, with examples

exit status: 0 done, 1 failed, 2 called wrongly, 130 interrupted.
The backend is Keras' own choice: set KERAS_BACKEND to jax, tensorflow or torch.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: arguments after the program's name; those of the process by default.

    Returns:
        The exit status: 0 done, 1 failed, 2 called wrongly, 130 interrupted.
    """
    _open_closed_streams()
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as left:
        return int(left.code or 0)
    console = Console(arguments.json)
    try:
        with redirect_stdout(console.stream), warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: console.note(str(message))
            return int(arguments.run(arguments, console))
    except KeyboardInterrupt:
        console.error("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as `head` does; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if arguments.traceback:
            traceback.print_exc()
        console.error(_reason(error))
        return 2 if isinstance(error, (UsageError, DatasetOptionError)) else 1


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; building it imports none of what they work with."""
    parser = CommandParser(
        prog="hiervae",
        description=(
            "Hierarchical variational autoencoders: train, score and look at them.\n"
            "Each training lives in a run folder that the other commands take."
        ),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"hiervae {_version()}")
    commands = parser.add_subparsers(
        title="commands", metavar="<command>", required=True, parser_class=CommandParser
    )
    for name in COMMANDS:
        import_module(f"hiervae.cli.{name.replace('-', '_')}").add_parser(commands)
    return parser


def _open_closed_streams() -> None:
    """Give output that was closed before the process began, as daemons do, somewhere to go."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _version() -> str:
    try:
        return metadata.version("hiervae")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _reason(error: Exception) -> str:
    if isinstance(error, HiervaeError) and not isinstance(error, OSError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    if isinstance(error, (HiervaeError, ValueError)):
        return str(error)
    hint = "this is unexpected; run again with --traceback to see where it comes from"
    return f"{type(error).__name__}: {error} ({hint})"
