"""The data sets stand apart: no backend, and of the package only errors and types."""

import ast
from pathlib import Path

import pytest

import hiervae.datasets

FILES = sorted(Path(hiervae.datasets.__file__).parent.rglob("*.py"))
ALLOWED = (
    "hiervae.datasets",
    "hiervae.errors",
    "hiervae.registry",
    "hiervae.types",
    "hiervae.utils.arrays",
    "hiervae.utils.files",
    "hiervae.utils.validation",
)
LAZY_KERAS = "lazy_examples.py"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_imports(path):
    tree = ast.parse(path.read_text())
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    roots = {name.split(".")[0] for name in imported}
    assert not roots & {"jax", "tensorflow", "torch", "PIL"} - (
        {"PIL"} if _lazy_only(tree) else set()
    )
    assert "keras" not in roots or path.name == LAZY_KERAS
    for name in imported:
        if name.startswith("hiervae"):
            assert name.startswith(ALLOWED)


def _lazy_only(tree):
    """Whether no optional package is imported at module level."""
    return not any(
        isinstance(node, ast.Import | ast.ImportFrom) and "PIL" in ast.dump(node)
        for node in tree.body
    )
