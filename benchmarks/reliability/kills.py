"""Kills, full disks and damaged checkpoints, and whether the run that goes on is the same.

    KERAS_BACKEND=torch python -m benchmarks.reliability.kills --out kills.json

One small run of `hiervae train` is made whole. Then the same run is killed by SIGKILL (a third of
the times within the write of a checkpoint, else at a random moment), started with a limit on the
size of files, or has its newest checkpoint damaged, and is resumed until it ends. Its checkpoint
has to hold the same weights and optimiser state, bit for bit. All choices follow from --seed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import h5py

from benchmarks.records import machine, versions

RUN = (
    "--dataset-option=num_images=200",
    "--dataset-option=valid_size=40",
    "--dataset-option=test_size=40",
    "--batch-size=50",
    "--epochs=6",
    "--seed=5",
    "--kappa=0.6",
    "--checkpoint-every=0",
    "--set=model.network.hidden_units=[8]",
    "--set=model.prior.network.hidden_units=[8]",
    "--set=model.prior.num_importance_samples=2",
    "--set=model.prior.evaluation_importance_samples=2",
    "--set=training.early_stopping_patience=20",
)

CHILD = """
import os, resource, signal, sys
from hiervae import runs
from hiervae.runs import results, training
import hiervae.cli.training_session as session
from hiervae.callbacks import checkpoint_files
session.write_results = lambda *arguments: ({"training": {}}, [])  # only the training counts
kind, number = sys.argv[1], int(sys.argv[2])
if kind == "write":
    written = [0]
    def counted(path, original=checkpoint_files._checksums):
        written[0] += ".tmp" in path.name
        if written[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(path)
    checkpoint_files._checksums = counted
if kind == "disk":
    train = training.train
    def limited(*arguments):
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, hard))
        try:
            return train(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    training.train = limited
from hiervae.cli import main
sys.exit(main(sys.argv[3:]))
"""


def start(folder: Path, kind: str, number: int, resume: bool) -> subprocess.Popen[str]:
    """Start a training, or go on with one."""
    more = ("--resume",) if resume else RUN
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, kind, str(number), "train", "--out", str(folder), *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder: Path) -> str:
    """Go on with a run to its end; returns what was said."""
    has_begun = (folder / "config.json").exists()
    if not has_begun:
        shutil.rmtree(folder, ignore_errors=True)
    process = start(folder, "none", 0, has_begun)
    said = process.communicate()[1]
    if process.returncode:
        raise RuntimeError(f"resuming ended with {process.returncode}: {said[-500:]}")
    return said


def content(folder: Path) -> dict[str, bytes]:
    """All arrays of the latest checkpoint, without what tells the time."""
    found: dict[str, bytes] = {}

    def add(name: str, entry: object) -> None:
        if isinstance(entry, h5py.Dataset) and not name.endswith("fit_state"):
            found[name] = entry[()].tobytes()

    with (
        zipfile.ZipFile(folder / "checkpoints" / "latest.keras") as archive,
        archive.open("model.weights.h5") as stream,
        h5py.File(stream) as weights,
    ):
        weights.visititems(add)
    return found


def main() -> None:
    """Run the cases and print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--full-disks", type=int, default=20)
    parser.add_argument("--damaged", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="file of the record")
    options = parser.parse_args()
    choose = random.Random(options.seed)
    place = Path(tempfile.mkdtemp())
    counts: dict[str, int] = {}
    begin = time.monotonic()
    finish(place / "whole")
    seconds = time.monotonic() - begin
    expected = content(place / "whole")
    size = (place / "whole" / "checkpoints" / "latest.keras").stat().st_size

    def judge(kind: str, folder: Path) -> None:
        same = content(folder) == expected
        left = [path.name for path in folder.rglob("*") if ".tmp" in path.name]
        counts[f"{kind}: equal"] = counts.get(f"{kind}: equal", 0) + int(same and not left)
        counts[f"{kind}: all"] = counts.get(f"{kind}: all", 0) + 1
        print(kind, "same" if same else "DIFFERENT", left, file=sys.stderr, flush=True)
        shutil.rmtree(folder)

    for case in range(options.kills):
        folder = place / "killed"
        within = case % 3 == 0
        process = start(folder, "write" if within else "none", choose.randint(1, 10), False)
        if not within:
            time.sleep(choose.uniform(0.3, 1.0) * seconds)
            process.kill()
        process.communicate()
        finish(folder)
        judge("killed in a write" if within else "killed", folder)
    for _ in range(options.full_disks):
        folder = place / "full"
        process = start(folder, "disk", choose.randint(300, size - 1), False)
        said = process.communicate()[1]
        named = any(str(folder) in line for line in said.splitlines() if "error" in line)
        counts["full disk: file named"] = counts.get("full disk: file named", 0) + int(named)
        finish(folder)
        judge("full disk", folder)
    for _ in range(options.damaged):
        folder = place / "damaged"
        shutil.copytree(place / "whole", folder)
        latest = folder / "checkpoints" / "latest.keras"
        damaged = bytearray(latest.read_bytes())
        where = choose.randrange(len(damaged))
        if choose.random() < 0.5:
            damaged = damaged[:where]
        else:
            damaged[where : where + 64] = bytes(64)
        latest.write_bytes(damaged)
        finish(folder)
        judge("damaged", folder)
    shutil.rmtree(place)
    record = {
        "program": "benchmarks.reliability.kills",
        "seed": options.seed,
        "seconds_of_a_run": round(seconds, 1),
        "machine": machine(),
        "versions": versions(),
        "counts": counts,
    }
    print(json.dumps(record, indent=2))
    if options.out is not None:
        options.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
