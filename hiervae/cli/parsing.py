"""Pieces that the commands' parsers share."""

from __future__ import annotations

import argparse
import json
import math
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from hiervae.cli.console import Console
from hiervae.cli.usage_error import UsageError

if TYPE_CHECKING:
    from hiervae.datasets import Dataset
    from hiervae.runs import RunFolder

Run: TypeAlias = Callable[[argparse.Namespace, Console], int]


class CommandParser(argparse.ArgumentParser):
    """The parser of all commands or of one; of arguments it does not know, it speaks itself.

    Attributes:
        complete: called before the help is written, to look up what only the help needs.
    """

    complete: Callable[[], None] | None = None
    _json = False

    def format_help(self) -> str:
        """Return the help, completed."""
        if self.complete is not None:
            self.complete()
        return super().format_help()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As `argparse` does, which would leave unknown arguments to the parser above."""
        self._json = "--json" in (sys.argv[1:] if args is None else args)
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, after `--json` as an object too, and leave with status 2."""
        Console(self._json).result({"error": message})
        super().error(message)


def add_command(
    commands: Any, name: str, run: Run, summary: str, description: str, examples: str
) -> CommandParser:
    """Add a subcommand with the options that all have.

    Args:
        commands: what `add_subparsers` returned.
        name: the command's name.
        run: does the work and returns the exit status.
        summary: one line for the list of commands.
        description: above the options in `--help`.
        examples: below them, one command a line.
    """
    parser: CommandParser = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(description, 79),
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    general = parser.add_argument_group("general")
    general.add_argument(
        "--json",
        action="store_true",
        help="print the result as one JSON object on standard output, all else on standard error",
    )
    general.add_argument(
        "--traceback", action="store_true", help="show where an error comes from in the code"
    )
    parser.set_defaults(run=run)
    return parser


def add_run_argument(parser: argparse.ArgumentParser) -> None:
    """Add the run folder."""
    parser.add_argument("folder", metavar="RUN", help="run folder that `hiervae train` made")


def add_data_dir(parser: Any) -> None:
    """Add the folder of data files."""
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder to look for data files in first (then HIERVAE_DATA, then Keras' cache); also "
        "where a file of your own is now that was moved since a run was trained on it",
    )


def check_data_dir(data_dir: str | None) -> None:
    """Refuse a `--data-dir` that is no folder.

    Raises:
        UsageError: if it is none.
    """
    from hiervae.datasets.store import require_folder
    from hiervae.errors import DatasetNotFoundError

    try:
        require_folder(data_dir)
    except DatasetNotFoundError as error:
        raise UsageError(str(error)) from error


def add_split(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the choice of examples."""
    parser.add_argument(
        "--split",
        choices=("train", "valid", "test"),
        help=f"{purpose} (default test, or where that is empty valid, then train)",
    )


def choose_split(dataset: Dataset, named: str | None) -> str:
    """The split that `--split` names, or the one to look at a trained model with.

    Raises:
        UsageError: if the named split is empty.
    """
    from hiervae.errors import DataError
    from hiervae.runs.data import held_out_split, require_split

    if named is None:
        return held_out_split(dataset)
    try:
        require_split(dataset, named)
    except DataError as error:
        raise UsageError(f"--split {named}: {error}") from error
    return named


def add_seed(parser: argparse.ArgumentParser, of: str) -> None:
    """Add the seed of what a command draws."""
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help=f"of the {of} (default 0)"
    )


def positive_int(text: str) -> int:
    """A positive integer."""
    return _checked(text, int, lambda value: value > 0, "a positive whole number, such as 100")


def natural(text: str) -> int:
    """A whole number from 0."""
    return _checked(text, int, lambda value: value >= 0, "a whole number from 0, such as 3")


def positive_float(text: str) -> float:
    """A positive finite number."""
    return _checked(text, float, lambda value: value > 0, "a positive number, such as 0.5")


def number_from_zero(text: str) -> float:
    """A finite number that is not negative."""
    return _checked(text, float, lambda value: value >= 0, "a number from 0, such as 30")


def number(text: str) -> float:
    """A finite number."""
    return _checked(text, float, lambda value: True, "a number, such as 7 or 180")


def seed(text: str) -> int:
    """A seed that every backend takes."""
    return _checked(
        text, int, lambda value: 0 <= value < 2**31, "a whole number from 0 to 2147483647"
    )


def steps(text: str) -> int | str:
    """A positive integer or "auto"."""
    return text if text == "auto" else positive_int(text)


def kappa(text: str) -> float | str:
    """A positive number or "auto"."""
    if text == "auto":
        return text
    expected = 'a positive number, such as 0.5, or "auto"'
    return _checked(text, float, lambda value: value > 0, expected)


def key_value(text: str) -> tuple[str, Any]:
    """`key=value`; the value is read as JSON where it is JSON, otherwise as text."""
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise argparse.ArgumentTypeError(f"{text!r}: expected key=value, such as kappa=0.3")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def check_target(option: str, path: Path) -> None:
    """Refuse a file that cannot be written, before the work for it is done.

    Raises:
        UsageError: if `path` is a folder, or in none.
    """
    if path.is_dir():
        raise UsageError(f"{option} {path}: this is a folder; expected a file to write.")
    if not path.parent.is_dir():
        raise UsageError(
            f"{option} {path}: there is no folder {path.parent}; make it, or choose another."
        )


def check_empty(folder: RunFolder, again: str) -> None:
    """Refuse a new run in a folder that holds something.

    Args:
        folder: where the run is to be.
        again: the command that goes on with a run there.

    Raises:
        UsageError: if the folder is not empty.
    """
    if not folder.is_empty():
        raise UsageError(
            f"{folder.path} is not empty. Choose another folder by --out, or go on with the run "
            f"there: {again}"
        )


def _checked(
    text: str, convert: Callable[[str], Any], accept: Callable[[Any], bool], expected: str
) -> Any:
    try:
        value = convert(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or not accept(value):
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}")
    return value
