"""What a command says, and where; on a terminal through rich, elsewhere as plain lines."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import rich.console
    from rich.progress import Progress as Bars

HEADING_STYLE = "bold cyan"
NAME_STYLE = "dim"
SECONDS = 10.0
"""Least time between two lines of progress where there is no terminal."""


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

    def heading(self, text: str) -> None:
        """Print a line above what belongs together."""
        self._styled(self.stream, [(f"{text}:", HEADING_STYLE)])

    def note(self, text: str) -> None:
        """Print something that does not keep the command from going on."""
        self._styled(sys.stderr, [("hiervae: note:", "yellow"), (f" {_one_line(text)}", "")])

    def error(self, text: str) -> None:
        """Print why the command failed, in one line; as JSON too."""
        self._styled(sys.stderr, [("hiervae: error:", "bold red"), (f" {_one_line(text)}", "")])
        self.result({"error": _one_line(text)})

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print aligned columns; numbers are written as `str` writes them."""
        cells = [[str(cell) for cell in row] for row in rows]
        if self.stream.isatty():
            from rich import box
            from rich.table import Table
            from rich.text import Text

            table = Table(*headers, box=box.SIMPLE_HEAD, header_style=HEADING_STYLE, pad_edge=False)
            for row in cells:
                table.add_row(*map(Text, row))
            _terminal(self.stream).print(table)
            return
        widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
        for line in (headers, *cells):
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.say("  ".join(padded).rstrip())

    def values(self, record: Mapping[str, object]) -> None:
        """Print names and values, one a line; those that are None are left out."""
        shown = {key: value for key, value in record.items() if value is not None}
        width = max(map(len, shown), default=0)
        for key, value in shown.items():
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            name = f"  {key.replace('_', ' '):<{width}}  "
            self._styled(self.stream, [(name, NAME_STYLE), (text, "")])

    def progress(self, total: int, unit: str) -> Progress:
        """Begin to show how far a long work is, counted in `unit`, a word in the singular."""
        return Progress(self.stream, total, unit)

    @contextmanager
    def status(self, text: str) -> Iterator[None]:
        """Show within the context what is being done, on a terminal."""
        if not self.stream.isatty():
            yield
            return
        with _terminal(self.stream).status(text):
            yield

    def result(self, record: Mapping[str, Any]) -> None:
        """Print the command's result, where JSON was asked for."""
        if self._json:
            from hiervae.runs.files import dump_json

            self._stdout.write(dump_json(record))
            self._stdout.flush()

    def _styled(self, stream: TextIO, pieces: Sequence[tuple[str, str]]) -> None:
        """Print pieces of text with their styles as one line, however long."""
        if stream.isatty():
            from rich.text import Text

            _terminal(stream).print(Text.assemble(*pieces), soft_wrap=True)
        else:
            print("".join(text for text, _ in pieces), file=stream, flush=True)


class Progress:
    """One bar that moves on a terminal; elsewhere a line every few seconds, and the last one.

    Use it as a context, or end it by `close`. Updates may come from several threads.

    Args:
        stream: where to write.
        total: how many there are of `unit`.
        unit: what is counted, in the singular.
        start: how many were done before the work began.
        seconds: least time between two lines where there is no terminal.
    """

    def __init__(
        self,
        stream: TextIO,
        total: int,
        unit: str,
        start: float = 0,
        seconds: float = SECONDS,
    ) -> None:
        self.stream = stream
        self.total = total
        self.unit = unit
        self.start = start
        self.seconds = seconds
        self._begin = time.monotonic()
        self._written = -seconds
        self._lock = threading.Lock()
        self._text = ""
        self._bars: Bars | None = None
        if stream.isatty():
            self._bars = _bars(stream)
            self._task = self._bars.add_task("", total=total, count="", text="")
            self.update(start)
            self._bars.start()

    def __enter__(self) -> Progress:
        """Show it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    @property
    def is_live(self) -> bool:
        """Whether every update can be seen at once."""
        return self._bars is not None

    def update(self, done: float, text: str | None = None, force: bool = False) -> None:
        """Move to a position.

        Args:
            done: how many are done, with the part of the one at work.
            text: further numbers to show; None leaves them as they are.
            force: write a line even if it is not yet time.
        """
        count = f"{self.unit} {int(done)}/{self.total}"
        if self._bars is not None:
            self._text = self._text if text is None else text
            self._bars.update(self._task, completed=done, count=count, text=self._text)
            return
        with self._lock:
            now = time.monotonic()
            if force or done >= self.total or now - self._written >= self.seconds:
                self._written = now
                line = filter(None, (count, text, self._left(done, now)))
                print("  ".join(line), file=self.stream, flush=True)

    def close(self) -> None:
        """Leave what is shown as it is; a second call does nothing."""
        if self._bars is not None:
            self._bars.stop()

    def _left(self, done: float, now: float) -> str:
        made = done - self.start
        if made <= 0:
            return ""
        seconds = round((now - self._begin) / made * (self.total - done))
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        return f"{clock} left"


def _terminal(stream: TextIO) -> rich.console.Console:
    from rich.console import Console as Terminal

    return Terminal(file=stream, highlight=False)


def _bars(stream: TextIO) -> Bars:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    text = TextColumn(
        "{task.fields[text]}",
        markup=False,
        table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
    )
    return Progress(
        BarColumn(24),
        TextColumn("{task.fields[count]}", markup=False),
        text,
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=_terminal(stream),
        expand=True,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
