"""The time of a training step and of a score on one device and on two, each with a CPU.

    KERAS_BACKEND=jax python -m benchmarks.devices --out docs/benchmarks/devices/jax.json

The devices are two of a `keras.distribution` on JAX, two of a `tf.distribute.MirroredStrategy` on
TensorFlow, and two processes that gloo connects on PyTorch, each with a thread of its own; the
global batch is the same. A score is that of the log-likelihood of an example with 500 samples.
Runs on one and on two take turns. Wall times mean something where both cores are free.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

EVENT = 784
BATCHES = (200, 2000)
"""Numbers of examples in a global batch."""
DEVICES = (1, 2)
STEPS = 20
EPOCHS = 5
SCORED = 400
SAMPLES = 500
SINGLE_THREADED = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def _train(batch: int, devices: int, rank: int, port: int) -> dict[str, float]:
    """Wall time and CPU time of a step in this process, once everything is compiled.

    A batch of 0 stands for the score of an example.
    """
    scope = _scope(devices, rank, port)
    import numpy as np

    import hiervae

    count = batch * STEPS or SCORED
    x = (np.random.default_rng(0).random((count, EVENT)) < 0.13).astype("float32")
    with scope:
        model = hiervae.HierarchicalVAE(
            40, network={"name": "gated_mlp", "hidden_units": (300, 300)}, seed=0
        )
        model.compile("adam")
        model.build((None, EVENT))

        def work(epochs: int) -> None:
            if batch:
                model.fit(x, batch_size=batch, epochs=epochs, verbose=0)
            else:
                model.log_likelihood(x, SAMPLES, verbose=0)

        work(1)
        usage, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        work(EPOCHS)
        wall, spent = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = spent.ru_utime + spent.ru_stime - usage.ru_utime - usage.ru_stime
    number = STEPS * EPOCHS if batch else SCORED
    return {"wall": wall / number, "cpu": cpu / number}


def _scope(devices: int, rank: int, port: int) -> Any:
    """The context of a training on so many devices, before Keras is imported."""
    from contextlib import nullcontext

    backend = os.environ["KERAS_BACKEND"]
    if backend == "torch":
        import torch

        torch.set_num_threads(1)
        if devices > 1:
            address = f"tcp://127.0.0.1:{port}"
            torch.distributed.init_process_group("gloo", address, world_size=devices, rank=rank)
        return nullcontext()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(devices)
        (cpu,) = tf.config.list_physical_devices("CPU")
        logical = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, logical)
        names = [f"CPU:{number}" for number in range(devices)]
        return tf.distribute.MirroredStrategy(names).scope() if devices > 1 else nullcontext()
    import keras

    if devices > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel())
    return nullcontext()


def _measure(batch: int, devices: int) -> dict[str, float]:
    """A run in processes of its own: the wall time of a step or score, and the CPU time of all."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    count = devices if os.environ["KERAS_BACKEND"] == "torch" else 1
    flags = f"{SINGLE_THREADED} --xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "XLA_FLAGS": flags}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.devices"]
    processes = [
        subprocess.Popen(
            [*command, "--child", str(batch), str(devices), str(rank), str(port)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    results = []
    for process in processes:
        output, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"The run on {devices} devices ended with {process.returncode}.")
        results.append(json.loads(output.splitlines()[-1]))
    return {
        "wall": max(result["wall"] for result in results),
        "cpu": sum(result["cpu"] for result in results),
    }


def _compared(batch: int, rounds: int, unit: str) -> dict[str, Any]:
    """Medians of the times on one device and two, and least, median and largest gain."""
    found = [{each: _measure(batch, each) for each in DEVICES} for _ in range(rounds)]
    gains = [entry[1]["wall"] / entry[2]["wall"] for entry in found]
    medians = {
        str(each): {
            kind: statistics.median(entry[each][kind] for entry in found)
            for kind in ("wall", "cpu")
        }
        for each in DEVICES
    }
    return {
        f"seconds_per_{unit}": medians,
        "speed_of_two": [min(gains), statistics.median(gains), max(gains)],
    }


def main() -> int:
    """Measure and print; write a record with --out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="file of the record")
    parser.add_argument("--resume", action="store_true", help="keep what the file of --out has")
    parser.add_argument("--child", nargs=4, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_train(*options.child)))
        return 0
    from benchmarks.records import commit, machine, versions

    load, earlier = machine(), {}
    if options.resume and options.out is not None and options.out.exists():
        earlier = json.loads(options.out.read_text())
    batches = earlier.get("batches") or {
        str(batch): _compared(batch, options.rounds, "step") for batch in BATCHES
    }
    score = earlier.get("log_likelihood") or _compared(0, options.rounds, "score")
    record = {
        "program": "benchmarks.devices",
        "commit": commit(),
        "machine": load,
        "versions": versions(),
        "rounds": options.rounds,
        "batches": batches,
        "log_likelihood": score,
    }
    text = json.dumps(record, indent=2) + "\n"
    print(text, end="")
    if options.out is not None:
        options.out.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
