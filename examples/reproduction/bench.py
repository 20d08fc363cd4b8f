"""Runs of rows: each seed is trained by `hiervae train` and scored, in processes of their own."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hiervae.runs.config import MAY_CHANGE
from reproduction.rows import Row

ROOT = Path(__file__).resolve().parents[2]

KEPT = ("training", "valid", "test", "polar_regression")
"""Sections of a run's `metrics.json` that a record keeps."""


SETTINGS = ("dataset", "model", "optimizer", "scheduler", "training")
"""Entries of a run's `config.json` that a record keeps."""

VERSIONS = ("python", "hiervae", "keras", "backend")
"""What a record keeps the version of."""


class Bench:
    """The folder of the runs, in which everything goes on where it was.

    `<runs>/<experiment>/<row>/seed-<n>` is the run folder of a seed; beside it are `seed-<n>.json`,
    which says what is done and what it cost, `seed-<n>.log`, and the scores.

    Args:
        runs: the folder.
    """

    def __init__(self, runs: Path) -> None:
        self.runs = runs

    def folder(self, row: Row, seed: int) -> Path:
        """The run folder of a seed."""
        return self.runs / row.experiment / row.name / f"seed-{seed}"

    @contextmanager
    def claim(self, row: Row, seed: int) -> Iterator[bool]:
        """Tell whether a seed is free, and hold it for the context; several processes may work."""
        folder = self.folder(row, seed)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def train(self, row: Row, seed: int) -> None:
        """Train a seed to its end, or go on with it; nothing where it is done.

        A row that begins with another one's weights has that one trained first.

        Raises:
            RuntimeError: if the training failed.
            KeyboardInterrupt: if it was interrupted; what is done is kept.
        """
        folder = self.folder(row, seed)
        state = self._state(folder)
        if state.get("trained"):
            return
        settings = folder.parent / "settings.json"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(json.dumps(row.settings, indent=2) + "\n", encoding="utf-8")
        begun = (folder / "config.json").is_file()
        state.setdefault("commit", _commit())
        state.setdefault("cores", len(os.sched_getaffinity(0)))
        command = ["-m", "hiervae", "train", "--config", str(settings), "--seed", str(seed)]
        if row.start is not None:
            self.train(row.start, seed)
            command += ["--initial-weights", str(self.folder(row.start, seed))]
        command += ["--out", str(folder), *(["--resume"] if begun else [])]
        self._call(command, folder, state)
        state["trained"] = True
        self._write(folder, state)

    def score(self, row: Row, seed: int) -> None:
        """Score a trained seed once, if the row asks for it; nothing where it is done.

        Raises:
            RuntimeError: if scoring failed.
            KeyboardInterrupt: if it was interrupted; the blocks that are done are kept.
        """
        folder = self.folder(row, seed)
        out = folder.with_suffix(".score.json")
        if row.score is None or out.is_file():
            return
        options = {
            "--samples": row.score.samples,
            "--every": row.score.every,
            "--control-samples": row.score.control_samples,
            "--out": out,
        }
        words = [str(word) for pair in options.items() for word in pair]
        state = self._state(folder)
        self._call(["-m", "reproduction.score", str(folder), *words], folder, state, "scoring_")

    def is_done(self, row: Row, seed: int) -> bool:
        """Whether a seed is trained and, where the row asks for it, scored."""
        folder = self.folder(row, seed)
        scored = row.score is None or folder.with_suffix(".score.json").is_file()
        return bool(self._state(folder).get("trained")) and scored

    def record(self, row: Row, seed: int) -> dict[str, Any]:
        """What a finished seed gave and cost."""
        folder = self.folder(row, seed)
        state, config = self._state(folder), _read(folder / "config.json")
        metrics = _read(folder / "metrics.json")
        record = {key: metrics[key] for key in KEPT if key in metrics}
        if row.score is not None:
            record["score"] = _read(folder.with_suffix(".score.json"))
        cost = {key: state[key] for key in state if key.endswith("seconds")}
        versions = {
            key: config["versions"][key] for key in ("python", "hiervae", "keras", "backend")
        }
        return {
            "seed": seed,
            "metrics": record,
            "cost": {key: round(value, 1) for key, value in cost.items()},
            "machine": {"cores": state["cores"]},
            "commit": state["commit"],
            "versions": versions,
            "config": {
                **{key: config[key] for key in ("dataset", "model", "optimizer", "scheduler")},
                "training": {
                    key: value
                    for key, value in config["training"].items()
                    if key == "epochs" or f"training.{key}" not in MAY_CHANGE
                }
                | ({} if row.start is None else {"initial_weights": row.start.path}),
            },
            "binarisation": config["data"]["binarisation"],
        }

    def _call(
        self, words: Sequence[str], folder: Path, state: dict[str, Any], prefix: str = ""
    ) -> None:
        """Run Python with arguments and add up wall and CPU seconds, however it ends."""
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        places = [str(ROOT / "examples"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
        with folder.with_suffix(".log").open("a", encoding="utf-8") as log:
            child = subprocess.Popen(
                [sys.executable, *words], stdout=log, stderr=subprocess.STDOUT, env=environment
            )
            try:
                status = child.wait()
            except KeyboardInterrupt:
                child.terminate()
                child.wait()
                raise
            finally:
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                for name, value in (("wall", time.monotonic() - begin), ("cpu", cpu)):
                    key = f"{prefix}{name}_seconds"
                    state[key] = state.get(key, 0.0) + value
                self._write(folder, state)
        if status:
            raise RuntimeError(
                f"{' '.join(words)} ended with status {status}; its output is in {log.name}"
            )

    def _state(self, folder: Path) -> dict[str, Any]:
        path = folder.with_suffix(".json")
        return _read(path) if path.is_file() else {}

    def _write(self, folder: Path, state: dict[str, Any]) -> None:
        path = folder.with_suffix(".json")
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)


def _read(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _commit() -> str | None:
    """The commit of the code, marked where files differ from it; None outside a checkout."""
    try:
        command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=10", "--dirty"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
