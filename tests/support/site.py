"""Synthetic distributions: real metadata and modules in a folder on `sys.path`.

A `conftest.py` that imports `clean`, `new_site` and `site` gives them to its tests.
"""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from hiervae import registry

TOY_INTERFACE = """
    from typing import ClassVar

    class Toy:
        interface_version: ClassVar[int] = 1

        def __init__(self, width=2):
            self.width = width

        def get_config(self):
            return {"width": self.width}

        @classmethod
        def from_config(cls, config):
            return cls(**config)
"""


class Site:
    """A folder on `sys.path` that distributions are written into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def module(self, name: str, source: str) -> None:
        path = self.folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        importlib.invalidate_caches()

    def distribution(
        self,
        name: str,
        entry_points: Mapping[str, Mapping[str, str]] | str,
        version: str = "1.0",
        folder_name: str | None = None,
        refresh: bool = True,
        files: Sequence[str] = (),
    ) -> None:
        """Write the metadata of a distribution; `files` are those that its RECORD names."""
        stem = folder_name or name.replace("-", "_")
        info = self.folder / f"{stem}-{version}.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        if not isinstance(entry_points, str):
            entry_points = "\n".join(
                f"[{group}]\n" + "\n".join(f"{key} = {value}" for key, value in points.items())
                for group, points in entry_points.items()
            )
        info.joinpath("entry_points.txt").write_text(entry_points)
        if files:
            info.joinpath("RECORD").write_text("".join(f"{file},,\n" for file in files))
        if refresh:
            registry.refresh()


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("HIERVAE_DISABLE_PLUGINS", raising=False)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("toy_"):
            del sys.modules[name]
    monkeypatch.undo()
    registry.refresh()


@pytest.fixture
def new_site(clean: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Site]:
    """Makes folders at the front of `sys.path`, the latest first."""

    def make() -> Site:
        folder = tmp_path / f"site{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
        registry.refresh()
        return Site(folder)

    return make


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    """One folder on `sys.path`, with the module `toy_interface` of the base class `Toy`."""
    made = new_site()
    made.module("toy_interface", TOY_INTERFACE)
    return made
