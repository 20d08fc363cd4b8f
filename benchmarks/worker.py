"""One subject of one row in a process of its own.

Every subject is measured in a fresh process that waits while the others work, so that each may run
another backend, and its start-up and peak memory are its own.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.statistics import Cost, measure

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


@dataclass(frozen=True)
class Job:
    """Work that is ready to be repeated.

    Attributes:
        run: one round, which waits for its results.
        units: units of work a round.
        flop: floating-point operations of the matrix products of a unit, where they are counted.
        scale: what the cost of a round is multiplied with.
    """

    run: Callable[[], object]
    units: int
    flop: float | None = None
    scale: float = 1.0


class Worker:
    """The parent's side of a subject's process."""

    def __init__(self, process: subprocess.Popen[str], errors: Any) -> None:
        self._process, self._errors = process, errors
        self.facts: dict[str, Any] = self._read()

    def round(self) -> Cost:
        """Let the process do one round."""
        self._process.stdin.write("go\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        reply = self._read()
        self.facts["peak_mib"] = reply["peak_mib"]
        return Cost(reply["wall"], reply["cpu"])

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        raise RuntimeError(f"A benchmark's process failed:\n{self._errors.read()[-3000:]}")


def environment_of(backend: str, threads: int) -> dict[str, str]:
    """The environment variables of a subject's process."""
    changes = {name: str(threads) for name in _THREADS}
    changes |= {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"}
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        changes["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    return {**os.environ, **changes}


@contextlib.contextmanager
def started(
    row: str, subject: str, backend: str, size: int, seed: int, smoke: bool, threads: int
) -> Iterator[Worker]:
    """Start a subject's process, which has done one round that does not count."""
    command = [sys.executable, "-m", "benchmarks.worker", row, subject, str(size), str(seed)]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [*command, "smoke" if smoke else "full"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment_of(backend, threads),
        )
        try:
            yield Worker(process, errors)
        finally:
            process.stdin.close()  # type: ignore[union-attr]
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()  # type: ignore[union-attr]


def main(arguments: list[str]) -> None:
    """The process's side: prepare, say so, and do a round for each line that comes."""
    row, subject, size, seed, extent = arguments
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not come between

    def reply(**facts: Any) -> None:
        replies.write(json.dumps(facts) + "\n")
        replies.flush()

    began = time.perf_counter()
    group, _, name = row.partition("/")
    module = importlib.import_module(f"benchmarks.{group}")
    imported = time.perf_counter()
    job: Job = module.prepare(name, subject, int(size), int(seed), extent == "smoke")
    prepared, ready = time.perf_counter(), _resident()
    job.run()
    ended, computed = time.perf_counter(), time.process_time()
    reply(
        units=job.units / job.scale,
        flop=job.flop,
        import_s=imported - began,
        prepare_s=prepared - imported,
        first_round_s=ended - prepared,
        start_up_cpu_s=computed,
        ready_mib=ready,
        peak_mib=_peak(),
    )
    for _ in sys.stdin:
        cost = measure(job.run)
        reply(wall=cost.wall, cpu=cost.cpu, peak_mib=_peak())


def _resident() -> float:
    """Resident memory now; the largest so far where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return _peak()
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _peak() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main(sys.argv[1:])
