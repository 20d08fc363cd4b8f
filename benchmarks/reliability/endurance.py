"""Does memory grow with use? Repeat each kind of work many times and look at the process.

    KERAS_BACKEND=torch python -m benchmarks.reliability.endurance --out endurance.json
    KERAS_BACKEND=jax python -m benchmarks.reliability.endurance --work fits --scale 0.1

Each kind runs in a process of its own. Resident memory, open files and threads are read after each
tenth of the work; growth is from the half to the end, so that what is made once does not count. JAX
keeps what it compiles: its programs are counted, and each may take some memory.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TENTHS = 10
MOST_GROWTH = 16.0
"""MiB from the half to the end that count as flat."""
MOST_FOR_A_PROGRAM = 16.0
"""MiB that a program compiled since may take beside them."""

COUNTS = {"steps": 10_000, "fits": 50, "scores": 500, "models": 200}


def _examples(num: int) -> Any:
    return (np.random.default_rng(0).random((num, 20)) < 0.4).astype("float32")


def _model() -> Any:
    import hiervae

    model = hiervae.HierarchicalVAE(
        (4, 2),
        prior={"name": "vamp", "num_components": 5},
        network={"name": "mlp", "hidden_units": (16,)},
        seed=0,
    )
    model.compile("adam")
    return model


def steps() -> Callable[[int], None]:
    """Training steps of one model; one call of the work is a step."""
    model, x = _model(), _examples(320)
    return lambda number: _train_steps(model, x, number)


def _train_steps(model: Any, x: Any, number: int) -> None:
    model.fit(x, batch_size=32, epochs=max(1, number // 10), verbose=0)


def fits() -> Callable[[int], None]:
    """Calls of `fit` of one epoch, each with a beta rule of its own."""
    import hiervae

    model, x = _model(), _examples(64)

    def work(number: int) -> None:
        for index in range(number):
            rule = hiervae.callbacks.BetaController("rewo", kappa=0.3 + 0.001 * index)
            model.fit(x, batch_size=32, verbose=0, callbacks=[rule])

    return work


def scores() -> Callable[[int], None]:
    """Calls of `log_likelihood` on other numbers of examples and samples."""
    model, generator = _model(), np.random.default_rng(0)
    model.build((None, 20))

    def work(number: int) -> None:
        for _ in range(number):
            x = _examples(int(generator.integers(1, 200)))
            model.log_likelihood(x, int(generator.integers(1, 50)), verbose=0)

    return work


def models() -> Callable[[int], None]:
    """Models that are made, trained for an epoch and dropped."""

    def work(number: int) -> None:
        for _ in range(number):
            model = _model()
            model.fit(_examples(32), batch_size=32, verbose=0)

    return work


WORK = {"steps": steps, "fits": fits, "scores": scores, "models": models}


def measure(name: str, scale: float) -> dict[str, Any]:
    """Do the work in tenths; what the process held after each."""
    import keras

    compiled = _count_compiled()
    work = WORK[name]()
    total = max(TENTHS, round(COUNTS[name] * scale))
    held = []
    for _ in range(TENTHS):
        work(total // TENTHS)
        if name == "models":
            keras.utils.clear_session()
        gc.collect()
        held.append({**_held(), "programs": len(compiled)})
    half, end = held[TENTHS // 2 - 1], held[-1]
    return {
        "work": name,
        "count": total,
        "growth_mib": round(end["mib"] - half["mib"], 1),
        "new_files": end["files"] - half["files"],
        "new_threads": end["threads"] - half["threads"],
        "new_programs": end["programs"] - half["programs"],
        "held": held,
    }


def _count_compiled() -> list[str]:
    """A list that gets an entry for each program that JAX compiles; empty elsewhere."""
    import keras

    compiled: list[str] = []
    if keras.backend.backend() == "jax":
        import jax

        def note(event: str, seconds: float, **details: Any) -> None:
            if event == "/jax/core/compile/backend_compile_duration":
                compiled.append(str(details.get("fun_name")))

        jax.monitoring.register_event_duration_secs_listener(note)
    return compiled


def _held() -> dict[str, Any]:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "mib": round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1),
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
    }


def main() -> int:
    """Measure each kind of work; 1 if memory, files or threads grow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", nargs="*", choices=WORK, default=list(WORK))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the counts to do")
    parser.add_argument("--out", type=Path, help="file of the record")
    parser.add_argument("--child", choices=WORK, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.scale)))
        return 0
    from benchmarks.records import machine, versions

    results = []
    for name in options.work:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.reliability.endurance"]
        command += ["--child", name, "--scale", str(options.scale)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        result = json.loads(done.stdout.splitlines()[-1])
        results.append(result)
        print({key: value for key, value in result.items() if key != "held"}, flush=True)
    record = {
        "program": "benchmarks.reliability.endurance",
        "machine": machine(),
        "versions": versions(),
        "results": results,
    }
    if options.out is not None:
        options.out.write_text(json.dumps(record, indent=2) + "\n")
    return 1 if any(map(_grew, results)) else 0


def _grew(entry: dict[str, Any]) -> bool:
    most = MOST_GROWTH + MOST_FOR_A_PROGRAM * entry["new_programs"]
    grew: bool = entry["growth_mib"] > most or entry["new_files"] > 0 or entry["new_threads"] > 0
    return grew


if __name__ == "__main__":
    raise SystemExit(main())
