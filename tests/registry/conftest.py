from __future__ import annotations

import importlib
from types import ModuleType

import pytest

from tests.support.site import Site, clean, new_site, site

__all__ = ["clean", "new_site", "site"]


@pytest.fixture(autouse=True)
def _always_clean(clean: None) -> None:
    """Leave no plugin of a test behind."""


@pytest.fixture
def toy_interface(site: Site) -> ModuleType:
    return importlib.import_module("toy_interface")
