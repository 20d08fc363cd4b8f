"""The Python snippets of a page of the documentation."""

import re
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def snippets(name: str) -> list[str]:
    """The Python snippets of a page, in order."""
    text = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run_page(
    name: str,
    folder: Path,
    shorter: Mapping[str, str] | None = None,
    scope: dict[str, object] | None = None,
) -> int:
    """Run the snippets of a page one after the other, as one program; returns their number.

    Args:
        name: of the page.
        folder: where they run, and leave their files.
        shorter: what to put in place of what, where the page trains for long.
        scope: takes the program's names.
    """
    scope = {} if scope is None else scope
    pieces = snippets(name)
    for long, short in (shorter or {}).items():
        assert any(long in piece for piece in pieces), f"{name} no longer says {long!r}"
        pieces = [piece.replace(long, short) for piece in pieces]
    with chdir(folder):
        for number, piece in enumerate(pieces):
            exec(compile(piece, f"{name}, snippet {number}", "exec"), scope)
    return len(pieces)
