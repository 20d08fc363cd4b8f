"""The snippets of the pages about plugins run, each in a file of its own."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from hiervae import cli, registry

DOCS = Path(__file__).resolve().parents[2] / "docs"


def snippets(page: str, language: str = "python") -> list[str]:
    text = (DOCS / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


SNIPPETS = snippets("plugins.md")
FIRST_STEPS = snippets("writing-a-plugin.md")


# Each trains a model; where steps are compiled that takes long, and the checks that they call are
# run on every backend by the other tests.
@pytest.mark.backends("torch")
@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet(number: int, tmp_path: Path) -> None:
    path = tmp_path / f"snippet_{number}.py"
    path.write_text(SNIPPETS[number])
    runpy.run_path(str(path))


@pytest.mark.backends("torch")
@pytest.mark.parametrize("number", range(len(FIRST_STEPS)))
def test_snippet_of_the_first_steps(number: int, tmp_path: Path) -> None:
    path = tmp_path / f"first_steps_{number}.py"
    path.write_text(FIRST_STEPS[number])
    runpy.run_path(str(path), run_name="__main__")


@pytest.mark.backends("torch")
def test_the_part_of_the_first_steps_takes_the_place_of_the_template_s(tmp_path: Path) -> None:
    pytest.importorskip("copier", reason="writes templates: pip install copier")
    command = next(
        line.split()[1:]
        for block in snippets("writing-a-plugin.md", "")
        for line in block.splitlines()
        if line.startswith("hiervae new-plugin")
    )
    assert cli.main([*command, "--out", str(tmp_path)]) == 0
    part = tmp_path / "hiervae-poisson-counts/src/hiervae_poisson_counts/poisson_counts.py"
    assert "class PoissonCounts(Likelihood):" in part.read_text()
    assert "class PoissonCounts(Likelihood):" in FIRST_STEPS[0]


def test_there_is_a_snippet_for_each_kind() -> None:
    def has(text: str) -> bool:
        return any(text in snippet for snippet in SNIPPETS)

    assert [role for role in registry.ROLES if not has(f"check_{role}(")] == []
    assert [group for group in registry.GROUPS[5:] if not has(f'override("{group}"')] == []
