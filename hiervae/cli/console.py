"""What a command says, and where."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO


class Console:
    """Text for people, and one JSON object for programs.

    Args:
        json: print the result as JSON; what is meant for people then goes to standard error.

    Attributes:
        stream: where text for people goes.
    """

    def __init__(self, json: bool = False) -> None:
        self._json = json
        self._stdout: TextIO = sys.stdout
        self.stream: TextIO = sys.stderr if json else sys.stdout

    def say(self, text: str = "") -> None:
        """Print a line for people."""
        print(text, file=self.stream, flush=True)

    def note(self, text: str) -> None:
        """Print something that does not keep the command from going on."""
        print(f"hiervae: note: {_one_line(text)}", file=sys.stderr, flush=True)

    def error(self, text: str) -> None:
        """Print why the command failed, in one line; as JSON too."""
        print(f"hiervae: error: {_one_line(text)}", file=sys.stderr, flush=True)
        self.result({"error": _one_line(text)})

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print aligned columns; numbers are written as `str` writes them."""
        cells = [list(headers), *([str(cell) for cell in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for line in cells:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.say("  ".join(padded).rstrip())

    def values(self, record: Mapping[str, object]) -> None:
        """Print names and values, one a line; those that are None are left out."""
        shown = {key: value for key, value in record.items() if value is not None}
        width = max(map(len, shown), default=0)
        for key, value in shown.items():
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            self.say(f"  {key.replace('_', ' '):<{width}}  {text}")

    def result(self, record: Mapping[str, Any]) -> None:
        """Print the command's result, where JSON was asked for."""
        if self._json:
            from hiervae.runs.files import dump_json

            self._stdout.write(dump_json(record))
            self._stdout.flush()


def _one_line(text: str) -> str:
    return " ".join(text.split())
