"""How fast sources of batches feed the step, and whether data need to fit into memory.

    KERAS_BACKEND=torch python -m benchmarks.reliability.feeds --out feeds.json

The same examples come from an array, a PyDataset, tf.data, PyTorch's DataLoader and Grain; rounds
alternate. The processor time of an epoch is compared, which a busy machine disturbs less, and the
clock's, which counts where cores are free for a source that works beside the step; beside them is
the processor time that the source takes alone. The step is that of the preset `vhp` for MNIST, by
which sources are judged, and that of a model as small as any in use, one level and two dense layers
of 300 units. Then a data set in a file that is mapped into memory is generated, trained on for an
epoch and scored, and the growth of the process's own memory compared with the size of the file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grain
import keras
import numpy as np
import tensorflow as tf
import torch

import hiervae
from benchmarks.records import machine, versions

DIMENSIONS, BATCH = 784, 100
LEAST = 0.9


class Rows(keras.utils.PyDataset):
    """Batches of the rows of an array of bytes or floats, in their order."""

    def __init__(self, rows: Any) -> None:
        super().__init__()
        self.rows = rows

    def __len__(self) -> int:
        return -(-len(self.rows) // BATCH)

    def __getitem__(self, index: int) -> Any:
        return (np.asarray(self.rows[BATCH * index : BATCH * (index + 1)], dtype="float32"),)


SOURCES: dict[str, Callable[[Any], Any]] = {
    "PyDataset": Rows,
    "tf.data": lambda x: tf.data.Dataset.from_tensor_slices(x).batch(BATCH).prefetch(2),
    "DataLoader": lambda x: torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.from_numpy(x)), batch_size=BATCH
    ),
    "Grain": lambda x: grain.MapDataset.source(x).batch(BATCH),
}


def _vhp(steps: int) -> Any:
    return hiervae.presets.get("vhp", "mnist").build_model(
        (DIMENSIONS,), seed=0, steps_per_execution=steps
    )


def _small(steps: int) -> Any:
    model = hiervae.HierarchicalVAE(
        (32,), network={"name": "mlp", "hidden_units": (300, 300)}, seed=0
    )
    model.compile(keras.optimizers.Adam(1e-3), steps_per_execution=steps)
    model.build((None, DIMENSIONS))
    return model


MODELS: dict[str, Callable[[int], Any]] = {"vhp": _vhp, "small": _small}
STEPS = 1 if keras.backend.backend() == "torch" else 20


def rates(make_model: Callable[[int], Any], rounds: int, number: int) -> dict[str, Any]:
    """Seconds of an epoch by source and of the source alone, and speeds relative to the array."""
    x = (np.random.default_rng(0).random((number, DIMENSIONS)) < 0.3).astype("float32")
    sources: dict[str, Callable[[Any], Any]] = {"array": lambda x: x, **SOURCES}
    model = make_model(STEPS)
    made = {name: make(x) for name, make in sources.items()}
    costs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in sources}
    for turn in range(rounds + 1):
        for name, source in made.items():
            size = BATCH if name == "array" else None
            clock, begin = time.perf_counter(), time.process_time()
            model.fit(source, batch_size=size, verbose=0, shuffle=False)
            fitted, wall = time.process_time(), time.perf_counter() - clock
            for index in range(len(source)) if name == "PyDataset" else ():
                source[index]
            for _ in () if name in ("array", "PyDataset") else source:
                pass
            if turn:  # the first one compiles
                costs[name].append((fitted - begin, wall, time.process_time() - fitted))
    medians = {
        name: [statistics.median(each) for each in zip(*entries, strict=True)]
        for name, entries in costs.items()
    }
    cpu, wall, _ = medians["array"]
    return {
        name: {
            "cpu_s": round(mine[0], 3),
            "wall_s": round(mine[1], 3),
            "alone_cpu_s": round(mine[2], 3),
            "speed": round(cpu / mine[0], 3),
            "speed_wall": round(wall / mine[1], 3),
        }
        for name, mine in medians.items()
    }


def from_a_file(mib: int) -> dict[str, Any]:
    """Generate, train and score a mapped file of so many MiB."""
    with tempfile.TemporaryDirectory() as folder:
        number = mib * 2**20 // DIMENSIONS
        path = Path(folder) / "rows"
        generator = np.random.default_rng(1)
        with path.open("wb") as stream:
            for start in range(0, number, 20_000):
                size = (min(20_000, number - start), DIMENSIONS)
                stream.write((generator.random(size, dtype="float32") < 0.3).tobytes())
        rows = np.memmap(path, dtype="uint8", mode="r", shape=(number, DIMENSIONS))
        model = _small(STEPS)
        model.fit(Rows(rows[: 200 * BATCH]), verbose=0, shuffle=False)
        model.log_likelihood(np.asarray(rows[:1000], "float32"), 10, seed=0, verbose=0)
        before = _own_mib()
        history = model.fit(Rows(rows), verbose=0, shuffle=False)
        scored = [
            model.log_likelihood(
                np.asarray(rows[start : start + 1000], "float32"), 10, seed=0, verbose=0
            )
            for start in range(0, number, max(1000, number // 20))
        ]
        return {
            "mib": mib,
            "examples": number,
            "growth_mib": round(_own_mib() - before, 1),
            "loss": round(history.history["loss"][-1], 3),
            "log_likelihood": round(float(np.mean(np.concatenate(scored))), 3),
        }


def _own_mib() -> float:
    """Memory of the process that no file backs, MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status has no line RssAnon; expected a Linux system.")


def main() -> int:
    """Measure; 1 if a source has less than nine tenths of the array's speed, or memory grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--mib", type=int, default=2048, help="size of the file")
    parser.add_argument("--out", type=Path, help="file of the record")
    options = parser.parse_args()
    found = {}
    for name, make_model in MODELS.items():
        found[name] = rates(make_model, options.rounds, options.examples)
        print(name, json.dumps(found[name]), flush=True)
    file = from_a_file(options.mib)
    print(json.dumps(file), flush=True)
    record = {
        "program": "benchmarks.reliability.feeds",
        "rounds": options.rounds,
        "examples": options.examples,
        "machine": machine(),
        "versions": versions(),
        "sources": found,
        "file": file,
    }
    if options.out is not None:
        options.out.write_text(json.dumps(record, indent=2) + "\n")
    slow = [name for name, entry in found["vhp"].items() if entry["speed_wall"] < LEAST]
    return 1 if slow or file["growth_mib"] > file["mib"] / 4 else 0


if __name__ == "__main__":
    raise SystemExit(main())
