"""A distribution made by the command installs, and its tests pass as they are."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from hiervae import registry
from hiervae.cli.new_plugin import KINDS

ON_TORCH = pytest.mark.backends("torch")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A distribution of each kind, in its folder."""
    pytest.importorskip("copier", reason="writes templates: pip install copier")
    from hiervae import cli

    out = tmp_path_factory.mktemp("made")
    for kind in KINDS:
        assert cli.main(["new-plugin", kind, f"own_{kind}", "--out", str(out)]) == 0
    return {kind: out / f"hiervae-own-{kind}" for kind in KINDS}


def run(*command: object, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        cwd=env.get("PWD"),
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(made: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="builds wheels: pip install hatchling")
    target = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", target)
    run("-m", "pip", "install", *options, *made.values())
    return target


@ON_TORCH
@pytest.mark.packaging
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "backend",
    [
        "torch",
        pytest.param("jax", marks=pytest.mark.slow),
        pytest.param("tensorflow", marks=pytest.mark.slow),
    ],
)
def test_the_tests_of_each_kind_pass(made: dict[str, Path], installed: Path, backend: str) -> None:
    tests = [folder / "tests" for folder in made.values()]
    configured = ("-c", made["prior"] / "pyproject.toml", "-p", "no:cacheprovider")
    out = run(
        *("-m", "pytest", "-q", *configured, *tests),
        KERAS_BACKEND=backend,
        PYTHONPATH=str(installed),
        PYTEST_ADDOPTS="",
        PWD=str(made["prior"]),
    )
    summary = out.splitlines()[-1]
    assert "passed" in summary
    assert "failed" not in summary


@ON_TORCH
def test_what_is_written_is_in_order(made: dict[str, Path]) -> None:
    pytest.importorskip("ruff", reason="checks style: pip install ruff")
    run("-m", "ruff", "check", "--no-cache", *made.values())
    run("-m", "ruff", "format", "--check", "--no-cache", *made.values())


@ON_TORCH
def test_it_says_what_to_do_next(hiervae: Any, tmp_path: Path) -> None:
    pytest.importorskip("copier", reason="writes templates: pip install copier")
    outcome = hiervae("new-plugin", "scheduler", "slow_start", "--out", tmp_path, "--json")
    assert outcome.status == 0
    assert outcome.record["distribution"] == "hiervae-slow-start"
    assert "src/hiervae_slow_start/slow_start.py" in outcome.record["files"]
    for line in ('pip install -e ".[test]"', "hiervae train --scheduler slow_start"):
        assert line in outcome.err
    text = (tmp_path / "hiervae-slow-start" / "src/hiervae_slow_start/slow_start.py").read_text()
    assert "class SlowStart(Scheduler):" in text
    again = hiervae("new-plugin", "scheduler", "slow_start", "--out", tmp_path)
    assert again.status == 2
    assert "exists and is not empty" in again.error


@ON_TORCH
@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("prior", "MyRing", "such as 'my_ring'"),
        ("prior", "2d-ring", "such as 'd_ring'"),
        ("prior", "class", "such as 'my_part'"),
        ("prior", "vhp", "taken: hiervae offers a prior of this name"),
        ("prior", "flows", "'flows' belongs to hiervae-flows, a plugin of this project"),
        ("scheduler", "student_t", "belongs to hiervae-student-t, a plugin of this project"),
        ("scheduler", "pid", "'pid' "),
    ],
)
def test_names_that_cannot_be(hiervae: Any, tmp_path: Path, kind: str, name: str, says: str):
    outcome = hiervae("new-plugin", kind, name, "--out", tmp_path)
    assert outcome.status == 2
    assert says in outcome.error
    assert list(tmp_path.iterdir()) == []


@ON_TORCH
def test_an_installed_distribution_is_not_made_again(
    hiervae: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "1.0" if name == "hiervae-ring" else version(name)
    )
    outcome = hiervae("new-plugin", "prior", "ring", "--out", tmp_path)
    assert outcome.status == 2
    assert "NAME 'ring' belongs to hiervae-ring, which is installed" in outcome.error


@ON_TORCH
def test_without_copier_the_extra_is_named(
    hiervae: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "copier":
            raise ImportError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    outcome = hiervae("new-plugin", "prior", "ring", "--out", tmp_path)
    assert outcome.status == 1
    assert 'pip install "hiervae[plugins]"' in outcome.error


@ON_TORCH
def test_there_is_a_template_for_each_role() -> None:
    assert set(KINDS) == set(registry.ROLES)
