"""Tables of a report as values: cells with their kind, and numbers as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_ENTRIES = 16
"""Entries of a list that are written out."""

NATS = "nats per example"


@dataclass(frozen=True)
class Cell:
    """What a cell of a table holds.

    Attributes:
        value: a value of a JSON file.
        kind: "text", "code", "unit", or "options" for a list of lines of code.
    """

    value: Any
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows.

    Attributes:
        headers: of the columns; none for a table of two columns that needs none.
        rows: cells, as many in each row.
        caption: above the table.
    """

    headers: tuple[str, ...]
    rows: list[list[Cell]]
    caption: str = ""

    @property
    def numbers(self) -> list[int]:
        """The columns that begin with a number, which are set flush right."""
        first = self.rows[0] if self.rows else []
        return [
            column
            for column, cell in enumerate(first)
            if isinstance(cell.value, (int, float)) and not isinstance(cell.value, bool)
        ]


@dataclass(frozen=True)
class Block:
    """A table with a heading above it and a note below it, each where there is one.

    Attributes:
        table: the table.
        heading: above it.
        note: below it.
        command: what the note says to call.
    """

    table: Table | None = None
    heading: str = ""
    note: str = ""
    command: str = ""


@dataclass
class Missing:
    """What could not be included, one sentence each, by the section that says so."""

    metrics: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    course: list[str] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        """All of them."""
        return [*self.metrics, *self.figures, *self.course]


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> Table:
    """Make a table of rows whose entries are cells, or values to be written as text."""
    cells = [[v if isinstance(v, Cell) else Cell(v) for v in row] for row in rows]
    return Table(tuple(headers), cells, caption)


def facts(entries: Mapping[str, Any]) -> Table:
    """Make a table of names and values; those that are None or empty are left out."""
    kept = []
    for key, value in entries.items():
        inside = value.value if isinstance(value, Cell) else value
        if inside not in (None, "", []):
            kept.append((key, value))
    return table((), kept)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return `value` if it is a record, otherwise an empty one."""
    return value if isinstance(value, Mapping) else {}


def shown(value: Any) -> str:
    """Write a value of a JSON file as people do; numbers with six digits."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        entries = [f"({shown(v)})" if isinstance(v, list) else shown(v) for v in value]
        more = f", … ({len(value)} in all)" if len(value) > MAX_ENTRIES else ""
        return ", ".join(entries[:MAX_ENTRIES]) + more
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {shown(entry)}" for key, entry in value.items())
    return str(value)
