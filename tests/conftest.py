"""Markers and backend settings for the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.quick_xla import quick_flags

os.environ.setdefault("XLA_FLAGS", quick_flags())
# What was compiled once serves all processes and later runs. The keys are those of the program,
# the flags and the version of JAX; the folder may be deleted at any time.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).resolve().parents[1] / ".cache" / "jax")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import keras
import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "backends(*names): run on these Keras backends only")
    config.addinivalue_line(
        "markers",
        "compiles(n): compiles for long; all cases but n (or 0) are slow on JAX and TensorFlow",
    )
    # Two processes may write one entry at a time; JAX then compiles what it cannot read.
    config.addinivalue_line(
        "filterwarnings", "ignore:Error (reading|writing) persistent compilation cache:UserWarning"
    )
    # Keras' variables lack NumPy 2's `copy` keyword, which NumPy says at every conversion.
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept:DeprecationWarning"
    )


# Rooms whose tests compute with NumPy alone, or start processes of their own: one backend, the one
# that compiles nothing, tests them for all.
ON_ONE_BACKEND = ("datasets", "packaging", "plotting", "style", "utils")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    compiling: dict[tuple[Path, str], list[pytest.Item]] = {}
    for item in items:
        if tests in item.path.parents and item.path.relative_to(tests).parts[0] in ON_ONE_BACKEND:
            item.add_marker(pytest.mark.backends("torch"))
        if item.get_closest_marker("compiles"):
            if any("torch" not in marker.args for marker in item.iter_markers("backends")):
                raise pytest.UsageError(f"{item.nodeid}: `compiles` and not on torch; runs nowhere")
            if keras.backend.backend() != "torch":
                test = (item.path, getattr(item, "originalname", item.name))
                compiling.setdefault(test, []).append(item)
    for cases in compiling.values():
        (few,) = cases[0].get_closest_marker("compiles").args
        kept = {index * len(cases) // few for index in range(few)}
        for index, item in enumerate(cases):
            if index not in kept:
                item.add_marker(pytest.mark.slow)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("backends"):
        if keras.backend.backend() not in marker.args:
            pytest.skip(f"needs one of the backends {', '.join(marker.args)}")
    if item.get_closest_marker("data") and not os.environ.get("HIERVAE_DATA"):
        pytest.skip("needs the real data files; set HIERVAE_DATA to their directory")


@pytest.fixture(scope="session")
def backend() -> str:
    """The name of the Keras backend this run uses."""
    return keras.backend.backend()
