"""The pages of the site that belong to no one package."""

from __future__ import annotations

import re

import pytest

import hiervae
from hiervae import presets, registry
from tests.support.snippets import DOCS, run_page

# Pages that other tests run, and pages whose snippets are no programs.
RUN_ELSEWHERE = {
    "inference.md",
    "interpolation.md",
    "likelihoods.md",
    "networks.md",
    "plugins.md",
    "priors.md",
    "schedulers.md",
    "training.md",
    "writing-a-plugin.md",
}
NOT_RUN = {
    "datasets.md": "needs files that are not there",
    "monitoring.md": "runs in tests/callbacks/test_docs.py, on the fastest backend",
}
PAGES = {
    "evaluation.md": 9,
    "index.md": 1,
    "model.md": 2,
    "plugin-interface.md": 1,
    "presets.md": 1,
    "saving.md": 2,
}


@pytest.mark.backends("torch")  # what the snippets do is tested on every backend elsewhere
@pytest.mark.parametrize("name", PAGES)
def test_the_page_runs(name, tmp_path):
    assert run_page(name, tmp_path) == PAGES[name]


@pytest.mark.backends("torch")
def test_the_tutorial_runs(tmp_path):
    shorter = {"data.train,": "data.train[:2560],", "epochs=20": "epochs=1"}
    assert run_page("tutorial.md", tmp_path, shorter) == 6
    written = {"latent_space.png", "reconstructions.png", "samples.png", "interpolation.png"}
    assert {path.name for path in tmp_path.iterdir()} == written | {"pendulum.keras"}


def test_every_page_with_snippets_is_run():
    with_snippets = {
        path.name for path in DOCS.glob("*.md") if re.search("^```python", path.read_text(), re.M)
    }
    assert with_snippets == RUN_ELSEWHERE | PAGES.keys() | NOT_RUN.keys() | {"tutorial.md"}


def test_every_page_is_in_the_navigation():
    navigation = (DOCS.parent / "mkdocs.yml").read_text()
    missing = [path.name for path in DOCS.glob("*.md") if f": {path.name}\n" not in navigation]
    assert missing == []


def test_every_public_package_is_in_the_reference():
    listed = (DOCS / "hooks.py").read_text()
    public = {f"hiervae.{name}" for name in hiervae.__all__ if name != "HierarchicalVAE"}
    assert [name for name in {*public, *registry.GROUPS} if f'"{name}"' not in listed] == []


def test_every_preset_is_in_the_table_of_papers():
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "presets.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(presets.names())
