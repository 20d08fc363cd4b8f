"""Interrupt each kind of work at random moments, and see whether the model is whole afterwards.

    KERAS_BACKEND=jax python -m benchmarks.reliability.interrupts --out interrupts.json

SIGINT comes while a step is compiled, while steps run, in the validation of `fit`, and in
`evaluate`, `predict` and `log_likelihood`. The work must end with KeyboardInterrupt. Weights must
then equal, bit for bit, those after as many steps of a training that nothing interrupted, and the
model must go on.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

PHASES = ("compile", "step", "validation", "evaluate", "predict", "log_likelihood")
EPOCHS = 40


def _model() -> Any:
    import hiervae

    model = hiervae.HierarchicalVAE(
        (4, 2),
        prior={"name": "vamp", "num_components": 5},
        inference="top_down",
        network={"name": "mlp", "hidden_units": (64, 64)},
        seed=0,
    )
    model.compile("adam")
    return model


def _signal_after(seconds: float) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def _reception() -> threading.Event:
    """Set once SIGINT was handled: Python drops what is raised while it frees an object."""
    received = threading.Event()

    def raise_as_python(number: int, frame: Any) -> None:
        received.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, raise_as_python)
    return received


def _fit(model: Any, x: Any, epochs: int, start: str | None = None, delay: float = 0.0) -> None:
    import keras

    class Starter(keras.callbacks.Callback):
        """Sends the signal some time after the work that it is to hit began."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._begin("step")

        def on_test_begin(self, logs: Any = None) -> None:
            self._begin("validation")

        def _begin(self, what: str) -> None:
            nonlocal start
            if start == what:
                start = None
                _signal_after(delay)

    validation = (x,) if start == "validation" else None
    model.fit(
        x,
        batch_size=32,
        epochs=epochs,
        validation_data=validation,
        shuffle=False,
        verbose=0,
        callbacks=[Starter()],
    )


def _weights(model: Any) -> list[Any]:
    return [np.array(weight) for weight in model.get_weights()]


def interrupt(phase: str, delay: float, x: Any) -> str:
    """Interrupt one piece of work; "whole", or what is wrong."""
    model, received = _model(), _reception()
    if phase in ("evaluate", "predict", "log_likelihood"):
        _fit(model, x, 1)
        steps = model.training_step
        _signal_after(delay)
        calls: dict[str, Callable[[], Any]] = {
            "evaluate": lambda: model.evaluate(x, batch_size=1, verbose=0),
            "predict": lambda: model.predict(x, batch_size=1, verbose=0),
            "log_likelihood": lambda: model.log_likelihood(x, 2000, batch_size=2, verbose=0),
        }
        work = calls[phase]
    else:
        steps = None
        if phase == "compile":
            _signal_after(delay)
        start = None if phase == "compile" else phase
        work = lambda: _fit(model, x, EPOCHS, start, delay)  # noqa: E731
    with suppress(KeyboardInterrupt):
        while not received.is_set():
            work()
    if not model.built:
        return "whole"
    done = model.training_step
    if steps is not None and done != steps:
        return f"{done} steps were taken, {steps} before the interrupt"
    found = _weights(model)
    expected = _expected(done, x)
    if not all(map(np.array_equal, found, expected)):
        return f"other weights than after {done} steps without an interrupt"
    model.fit(x, batch_size=32, verbose=0)
    return "whole" if np.isfinite(model.elbo(x, seed=0)).all() else "not finite afterwards"


def _expected(steps: int, x: Any) -> list[Any]:
    """The weights after so many steps of a training that nothing interrupts."""
    model = _model()
    model.build((None, x.shape[1]))
    per_epoch = -(-len(x) // 32)
    if steps // per_epoch:
        _fit(model, x, steps // per_epoch)
    if rest := steps % per_epoch:
        model.fit(x, batch_size=32, steps_per_epoch=rest, shuffle=False, verbose=0)
    return _weights(model)


def measure(phase: str, repeats: int, seed: int) -> dict[str, int]:
    """Interrupt one kind of work so many times; how often it ended how."""
    x = (np.random.default_rng(0).random((256, 20)) < 0.4).astype("float32")
    generator = np.random.default_rng(seed)
    began = time.perf_counter()
    _fit(_model(), x, 1)
    longest = time.perf_counter() - began if phase == "compile" else 0.2
    outcomes: dict[str, int] = {}
    for _ in range(repeats):
        outcome = interrupt(phase, float(generator.random()) * longest, x)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return outcomes


def main() -> int:
    """Interrupt each phase in a process of its own; 1 if a model was not whole."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phases", nargs="*", choices=PHASES, default=list(PHASES))
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="file of the record")
    parser.add_argument("--child", choices=PHASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.repeats, options.seed)))
        return 0
    from benchmarks.records import machine, versions

    results = {}
    for phase in options.phases:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.reliability.interrupts"]
        command += ["--child", phase, "--repeats", str(options.repeats)]
        command += ["--seed", str(options.seed)]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            results[phase] = {f"the process ended with status {done.returncode}": 1}
        else:
            results[phase] = json.loads(done.stdout.splitlines()[-1])
        print(phase, results[phase], flush=True)
    record = {
        "program": "benchmarks.reliability.interrupts",
        "seed": options.seed,
        "machine": machine(),
        "versions": versions(),
        "results": results,
    }
    if options.out is not None:
        options.out.write_text(json.dumps(record, indent=2) + "\n")
    return 0 if all(set(outcomes) == {"whole"} for outcomes in results.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
