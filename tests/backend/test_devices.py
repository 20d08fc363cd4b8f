"""Trainings that are spread over devices and processes are those of one device."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

BACKEND = keras.backend.backend()
PROGRAM = Path(__file__).with_name("devices.py")
ROOT = Path(__file__).parents[2]
TOLERANCE = {"rtol": 2e-5, "atol": 1e-5}
"""Sums over two devices are rounded in another order, and training carries that on."""
DEATH_SECONDS = 60


def start(devices, *arguments, **variables):
    """A process of `devices.py`, with environment variables."""
    flags = os.environ.get("XLA_FLAGS", "")
    environment = {
        **os.environ,
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": str(ROOT),
        **variables,
    }
    command = [sys.executable, "-W", "ignore", str(PROGRAM), *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def start_two(devices, *steps, mode="processes", **variables):
    """Two processes that work together."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [start(devices, mode, 2, rank, port, *steps, **variables) for rank in range(2)]


def result_of(process):
    output, errors = process.communicate(timeout=900)
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    assert lines, errors[-3000:]
    return json.loads(lines[0].removeprefix("RESULT "))


@pytest.fixture(scope="module")
def one():
    return result_of(start(1, "one"))


def check_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert 0.0 < np.mean(values["phase"]) <= 1.0, name
        if BACKEND != "jax":
            most = max(values["rows scored"])
            assert 0 < max(found[name]["rows scored"]) <= -(-most // 2), name
        for key in values.keys() & found[name].keys() - {"identical", "rows scored"}:
            np.testing.assert_allclose(
                found[name][key], values[key], err_msg=f"{name}: {key}", **TOLERANCE
            )
        assert all(found[name]["identical"])


@pytest.mark.backends("jax", "tensorflow")
def test_two_devices(one):
    """On TensorFlow batches of 15 and 15 rows, 17 and 16, and of one and none."""
    found = result_of(start(2, "spread"))
    assert found["vamp and geco"].keys() == one["vamp and geco"].keys()
    assert all(found[name]["identical"] for name in found)
    check_equal(found, one)


@pytest.mark.slow
def test_two_processes(one):
    """On JAX each has two devices, which do not divide its 15 rows."""
    first, second = map(result_of, start_two(2))
    check_equal(first, one)
    check_equal(second, one)


@pytest.mark.slow
@pytest.mark.backends("torch")
def test_processes_refuse_to_score_what_differs_or_alone():
    found = [result_of(process) for process in start_two(1, mode="apart")]
    for examples, weights, _ in found:
        assert "different batches" in examples
        assert "different weights" in weights
    assert "expected all processes of the group to make this call" in found[0][2]


@pytest.mark.slow
def test_replicas_are_identical_after_200_steps():
    if BACKEND == "jax":
        found = result_of(start(2, "spread", 1, 0, 0, 200))
    else:
        found, other = map(result_of, start_two(1, 200))
        assert found == other
    assert all(found["identical"])
    expected = result_of(start(1, "one", 1, 0, 0, 200))
    for key in expected.keys() - {"identical"}:
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-5, atol=1e-5)


def steps_until(process, number):
    """Wait until a process has taken so many steps."""
    for line in process.stdout:
        if line.startswith("STEP ") and int(line.split()[1]) >= number:
            return
    raise AssertionError(process.stderr.read()[-3000:])


@pytest.mark.slow
def test_a_killed_process_ends_the_others_and_the_job_goes_on(tmp_path):
    survivor, victim = start_two(1, 100_000, CHECKPOINTS=str(tmp_path))
    try:
        steps_until(survivor, 80)
        victim.send_signal(signal.SIGKILL)
        begin = time.monotonic()
        output, errors = survivor.communicate(timeout=DEATH_SECONDS)
        assert time.monotonic() - begin < DEATH_SECONDS
        assert survivor.returncode != 0, errors
    finally:
        for process in (survivor, victim):
            process.kill()
            process.communicate()
    shutil.rmtree(tmp_path / "1")  # may be older than that of the first process, or cut short
    shutil.copytree(tmp_path / "0", tmp_path / "1")
    taken = [80, *(int(line.split()[1]) for line in output.splitlines() if "STEP " in line)]
    first, second = start_two(1, max(taken) + 40, CHECKPOINTS=str(tmp_path))
    steps = next(line for line in first.stdout if line.startswith("STEP "))
    assert int(steps.split()[1]) > 80
    assert result_of(first) == result_of(second)
