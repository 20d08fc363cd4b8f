"""The Python snippets of a page of the documentation."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def run_page(name: str, scope: dict[str, object] | None = None) -> int:
    """Run the snippets of a page one after the other, as one program; return their number.

    The program's names are put into `scope`.
    """
    text = (DOCS / name).read_text(encoding="utf-8")
    snippets = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    scope = {} if scope is None else scope
    for number, snippet in enumerate(snippets):
        exec(compile(snippet, f"{name}, snippet {number}", "exec"), scope)
    return len(snippets)
