"""Trainings that are spread over devices and processes are those of one device."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.backends("jax")

PROGRAM = Path(__file__).with_name("devices.py")
ROOT = Path(__file__).parents[2]
TOLERANCE = {"rtol": 2e-4, "atol": 2e-5}
"""Sums over two devices are rounded in another order, and training carries that on."""


def start(devices, *arguments):
    environment = {
        **os.environ,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-W", "ignore", str(PROGRAM), *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def result_of(process):
    output, errors = process.communicate(timeout=600)
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    assert lines, errors[-3000:]
    return json.loads(lines[0].removeprefix("RESULT "))


@pytest.fixture(scope="module")
def one():
    return result_of(start(1, "one"))


def check_equal(found, expected):
    for name, values in expected.items():
        assert 0.0 < np.mean(values["phase"]) <= 1.0, name
        for key in (values.keys() & found[name].keys()) - {"identical"}:
            np.testing.assert_allclose(
                found[name][key], values[key], err_msg=f"{name}: {key}", **TOLERANCE
            )
        assert all(found[name]["identical"])


def test_two_devices(one):
    found = result_of(start(2, "spread"))
    assert found.keys() == one.keys()
    assert found["vamp and geco"].keys() == one["vamp and geco"].keys()
    check_equal(found, one)


@pytest.mark.slow
def test_two_processes_of_two_devices(one):
    """Each has its half of every batch; 15 rows are not divided by its devices."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = [start(2, "processes", 2, rank, port) for rank in range(2)]
    for found in map(result_of, running):
        check_equal(found, one)
