"""What repeats bit for bit, and what only within rounding: train twice in two settings and compare.

    KERAS_BACKEND=jax python -m benchmarks.reliability.determinism --out determinism.json

Each training runs in a process of its own, on the same examples and seed: two levels, VampPrior,
REWO, 120 steps of 50 examples.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

SETTINGS: dict[str, dict[str, Any]] = {
    "the same again": {},
    "20 steps per execution": {"steps_per_execution": 20},
    "a data set with 1 worker": {"workers": 1},
    "a data set with 4 workers": {"workers": 4},
    "a data set with 4 workers, against 1": {"workers": 4, "against": {"workers": 1}},
    "2 threads": {"threads": 2},
}


def train(settings: dict[str, Any], path: Path) -> None:
    """Train in this process and write the weights and the score of the result."""
    import keras

    import hiervae

    x = (np.random.default_rng(0).random((1000, 40)) < 0.4).astype("float32")
    model = hiervae.HierarchicalVAE(
        (6, 4),
        prior={"name": "vamp", "num_components": 10},
        inference="top_down",
        network={"name": "mlp", "hidden_units": (64, 64)},
        seed=0,
    )
    model.compile(
        keras.optimizers.Adam(1e-3), steps_per_execution=settings.get("steps_per_execution", 1)
    )
    rule = hiervae.callbacks.BetaController("rewo", kappa=0.3, nu=1.0)
    options = {"epochs": 6, "shuffle": False, "verbose": 0, "callbacks": [rule]}
    if "workers" in settings:
        model.fit(_batches(x, settings["workers"]), **options)
    else:
        model.fit(x, batch_size=50, **options)
    arrays = {f"w{index}": value for index, value in enumerate(model.get_weights())}
    np.savez(path, **arrays, score=model.log_likelihood(x[:100], 50, seed=0, verbose=0))


def _batches(x: Any, workers: int) -> Any:
    import keras

    class Batches(keras.utils.PyDataset):
        """The examples in their order."""

        def __len__(self) -> int:
            return len(x) // 50

        def __getitem__(self, index: int) -> Any:
            return (x[50 * index : 50 * (index + 1)],)

    return Batches(workers=workers)


def compare(first: Path, second: Path) -> dict[str, Any]:
    """Whether two results are equal, and how far apart relative to the largest value of each."""
    with np.load(first) as one, np.load(second) as other:
        equal = all(np.array_equal(one[name], other[name]) for name in one.files)
        apart = {
            name: float(np.abs(one[name] - other[name]).max() / max(np.abs(one[name]).max(), 1e-12))
            for name in one.files
        }
    score = apart.pop("score")
    return {"equal": equal, "weights_apart": max(apart.values()), "score_apart": score}


def _run(settings: dict[str, Any], path: Path) -> None:
    threads = str(settings.get("threads", 1))
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads != '1' else 'false'}",
    }
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.reliability.determinism"]
    command += ["--child", json.dumps(settings), str(path)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def main() -> int:
    """Compare every setting with the reference, or with what it names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file of the record")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        train(json.loads(options.child[0]), Path(options.child[1]))
        return 0
    from benchmarks.records import machine, versions
    from hiervae.backend import MAX_STEPS_PER_EXECUTION

    results = {}
    with tempfile.TemporaryDirectory() as folder:
        trained: dict[str, Path] = {}

        def result_of(settings: dict[str, Any]) -> Path:
            key = json.dumps(settings, sort_keys=True)
            if key not in trained:
                trained[key] = Path(folder) / f"{len(trained)}.npz"
                _run(settings, trained[key])
            return trained[key]

        reference = result_of({})
        for name, settings in SETTINGS.items():
            settings = dict(settings)
            if settings.get("steps_per_execution", 1) > MAX_STEPS_PER_EXECUTION:
                continue  # the backend has no such setting
            against = settings.pop("against", None)
            if not settings:  # the reference once more
                second = Path(folder) / "again.npz"
                _run({}, second)
            else:
                second = result_of(settings)
            first = reference if against is None else result_of(against)
            results[name] = compare(first, second)
            print(name, results[name], flush=True)
    record = {
        "program": "benchmarks.reliability.determinism",
        "machine": machine(),
        "versions": versions(),
        "results": results,
    }
    if options.out is not None:
        options.out.write_text(json.dumps(record, indent=2) + "\n")
    return 0 if results["the same again"]["equal"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
