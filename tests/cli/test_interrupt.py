"""Ctrl-C in a terminal: the command ends with 130, and goes on within the epoch."""

import csv
import signal
import subprocess
import sys
import time
import zipfile

import h5py
import pytest

from hiervae.callbacks.checkpoint_files import read_checkpoint
from tests.cli.conftest import SMALL

COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process ignores it
import hiervae.cli.training_session as session
session.write_results = lambda *arguments: ({"training": {}}, [])  # only the training counts
from hiervae.cli import main
sys.exit(main(["train", *sys.argv[1:]]))
"""
SECONDS = 300


def start(folder, *options):
    arguments = [sys.executable, "-c", COMMAND, "--out", folder, *options]
    return subprocess.Popen(list(map(str, arguments)), stderr=subprocess.PIPE, text=True)


def finish(folder, *options):
    process = start(folder, *options)
    said = process.communicate(timeout=SECONDS)[1]
    assert process.returncode == 0, said


def num_epochs(folder):
    try:
        with open(folder / "history.csv", newline="") as stream:
            return len(list(csv.DictReader(stream)))
    except OSError:
        return 0


def values(folder):
    """All arrays of the latest checkpoint but those that tell the time."""
    found = {}

    def add(name, entry):
        if isinstance(entry, h5py.Dataset) and not name.endswith("fit_state"):
            found[name] = entry[()].tobytes()

    with (
        zipfile.ZipFile(folder / "checkpoints" / "latest.keras") as archive,
        archive.open("model.weights.h5") as stream,
        h5py.File(stream) as weights,
    ):
        weights.visititems(add)
    return found


@pytest.mark.slow
def test_ctrl_c_ends_the_command_and_resume_goes_on(tmp_path):
    small = [*SMALL, "--batch-size=5", "--set=training.early_stopping_patience=100000"]
    process = start(tmp_path / "run", *small, "--epochs=100000")
    end = time.monotonic() + SECONDS
    while num_epochs(tmp_path / "run") < 2 and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=SECONDS)[1]
    assert process.returncode == 130, said
    assert "interrupted; go on with: hiervae train" in said
    found = read_checkpoint(tmp_path / "run" / "checkpoints" / "latest.keras")
    assert found.epoch == num_epochs(tmp_path / "run")
    epochs = f"--epochs={found.epoch + 1}"
    finish(tmp_path / "run", "--resume", epochs)
    finish(tmp_path / "whole", *small, epochs)
    assert values(tmp_path / "run") == values(tmp_path / "whole")
