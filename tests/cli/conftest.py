"""A small run that is trained once, and the command called within this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hiervae import cli

SMALL = (
    "--dataset-option=num_images=300",
    "--dataset-option=valid_size=60",
    "--dataset-option=test_size=80",
    "--batch-size=50",
    "--epochs=3",
    "--learning-rate=0.003",
    "--seed=5",
    "--kappa=0.6",  # met within the first epoch
    "--nu=2.0",
    "--set=model.network.hidden_units=[16]",
    "--set=model.prior.network.hidden_units=[8]",
    "--set=model.prior.num_importance_samples=2",
    "--set=model.prior.evaluation_importance_samples=3",
    "--set=training.early_stopping_patience=20",
)


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def record(self) -> dict[str, Any]:
        """What `--json` printed."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The reason of a failure, which must be one line."""
        lines = [line for line in self.err.splitlines() if line.startswith("hiervae: error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("hiervae: error: ")


@pytest.fixture
def hiervae(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Call the command with arguments."""

    def call(*arguments: object) -> Outcome:
        capfd.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        return Outcome(status, *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def small() -> tuple[str, ...]:
    """Options of a training of a few seconds."""
    return SMALL


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; not to be written to."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert cli.main(["train", "--out", str(folder), *SMALL]) == 0
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of a finished run."""
    return Path(shutil.copytree(trained, tmp_path / "run"))
