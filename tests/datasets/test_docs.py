"""The page on data sets says what the catalogue says."""

import re
from pathlib import Path

import pytest

from hiervae import datasets

PAGE = Path(__file__).parents[2] / "docs" / "datasets.md"


@pytest.mark.parametrize("name", datasets.names())
def test_every_set_is_on_the_page(name):
    text = PAGE.read_text()
    info = datasets.describe(name)
    row = next(line for line in text.split("\n") if line.startswith(f"| `{name}` |"))
    for fact in (f"`{info.likelihood}`", f"| {info.binarisation} |", info.licence):
        assert fact in row
    for size in info.sizes.values():
        assert f"{size:,}" in row
    section = text.split(f"### `{name}`\n")[1].split("\n### ")[0]
    for remote in info.files:
        line = next(line for line in section.split("\n") if line.startswith(f"| `{remote.name}`"))
        assert (remote.sha256 or remote.md5 or "no checksum published") in line


def test_python_on_the_page_is_valid():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        compile(block, str(PAGE), "exec")
