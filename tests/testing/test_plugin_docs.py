"""The snippets of docs/plugins.md run, each in a file of its own."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from hiervae import registry

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


# Each trains a model; where steps are compiled that takes long, and the checks that they call are
# run on every backend by the other tests.
@pytest.mark.backends("torch")
@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet(number: int, tmp_path: Path) -> None:
    path = tmp_path / f"snippet_{number}.py"
    path.write_text(SNIPPETS[number])
    runpy.run_path(str(path))


def test_there_is_a_snippet_for_each_kind() -> None:
    def has(text: str) -> bool:
        return any(text in snippet for snippet in SNIPPETS)

    assert [role for role in registry.ROLES if not has(f"check_{role}(")] == []
    assert [group for group in registry.GROUPS[5:] if not has(f'override("{group}"')] == []
