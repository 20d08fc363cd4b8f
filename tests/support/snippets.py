"""The Python snippets of a page of the documentation."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def run_page(name: str) -> int:
    """Run the snippets of a page one after the other, as one program; returns their number."""
    text = (DOCS / name).read_text(encoding="utf-8")
    snippets = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    scope: dict[str, object] = {}
    for number, snippet in enumerate(snippets):
        exec(compile(snippet, f"{name}, snippet {number}", "exec"), scope)
    return len(snippets)
