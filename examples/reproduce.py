"""Reproduces the rows of the papers' tables from committed settings.

Each row is a file examples/configs/EXPERIMENT/ROW.toml: the settings of `hiervae train`, the seeds,
what is reported and what it is compared with. A row is trained seed by seed into a folder of runs,
scored once on the test set, and recorded in docs/results, from which the page of results is made.
Everything goes on where it was: run the same command again after an interruption.

    KERAS_BACKEND=jax python examples/reproduce.py --list
    KERAS_BACKEND=jax python examples/reproduce.py pendulum/rewo --runs runs
    KERAS_BACKEND=jax python examples/reproduce.py pendulum static_mnist_000 --runs runs
    KERAS_BACKEND=jax python examples/reproduce.py --queue queue.txt --runs runs --train-only
    python examples/reproduce.py --table                     # the page again, and README's table
    python examples/reproduce.py --smoke --runs runs/smoke   # seconds; the numbers mean nothing

A queue is a text file with a name in each line, worked off in that order; `NAME SEED` is one seed
of a row. What follows `#` is a comment. The environment variable HIERVAE_DATA names the folder of
the data files.
"""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from reproduction.bench import Bench
from reproduction.page import make_page
from reproduction.readme import README, with_results
from reproduction.records import RESULTS, figure_of, read_outcome, write_record
from reproduction.rows import MEASURES, Row, Score, choose_rows, read_experiments

INTERRUPTED = 130


def read_queue(path: Path) -> list[tuple[str, int | None]]:
    """Return names, with a seed where one is given."""
    entries: list[tuple[str, int | None]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if words:
            entries.append((words[0], int(words[1]) if len(words) > 1 else None))
    return entries


def smoke_rows() -> list[Row]:
    """Rows so small that they take seconds: one with the angle, one scored, one fine-tuned."""
    settings: dict[str, Any] = {
        "preset": "vhp",
        "dataset": {
            "name": "pendulum",
            "options": {"num_images": 200, "valid_size": 50, "test_size": 60},
        },
        "training": {"epochs": 1, "batch_size": 100},
    }
    first = choose_rows(read_experiments(), ["pendulum/rewo"])[0]
    angle = replace(
        first, experiment="smoke", settings=settings, seeds=(0,), aim=None, published=None
    )
    score = Score(samples=10, every=3, control_samples=2)
    scored = replace(angle, name="scored", score=score, measure=MEASURES["nll"])
    return [angle, scored, replace(angle, name="tuned", start=scored)]


def work(row: Row, seed: int, bench: Bench, train_only: bool) -> None:
    """Train a seed of a row and, unless only training is asked for, score it."""
    with bench.claim(row, seed) as is_mine:
        if not is_mine:
            print(f"{row.path}, seed {seed}: another process works on it", flush=True)
            return
        print(f"{row.path}, seed {seed}: {bench.folder(row, seed)}", flush=True)
        bench.train(row, seed)
        if not train_only:
            bench.score(row, seed)


def report(row: Row, results: Path) -> None:
    """Print a row's figure beside the published one."""
    outcome = read_outcome(row, results)
    if outcome is None:
        return
    digits, unit = row.measure.digits, row.measure.unit
    published = "" if row.published is None else f", published {row.published:.{digits}f}"
    each = " ".join(f"{value:.{digits}f}" for value in outcome.values)
    ours = f"{figure_of(row, outcome):.{digits}f} {unit}"
    print(f"{row.path}: {ours}{published}; seeds: {each}", flush=True)


def main() -> int:
    """Do what is asked."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(description=summary, epilog="See the top of this file.")
    parser.add_argument("names", nargs="*", help="rows, EXPERIMENT/ROW, or whole experiments")
    parser.add_argument("--list", action="store_true", help="print the rows and what is done")
    parser.add_argument("--all", action="store_true", help="every row")
    parser.add_argument("--queue", type=Path, help="file of names, worked off in order")
    parser.add_argument("--table", action="store_true", help="make the page of results again")
    parser.add_argument("--smoke", action="store_true", help="try all of it within seconds")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the records")
    parser.add_argument("--train-only", action="store_true", help="leave scoring for later")
    parser.add_argument("--record", action="store_true", help="record what is done, run nothing")
    parser.add_argument("--no-page", action="store_true", help="write records, not the page")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what is done is kept

    experiments = read_experiments()
    bench = Bench(options.runs.resolve())
    if options.list:
        for row in choose_rows(experiments, [experiment.name for experiment in experiments]):
            done = sum(bench.is_done(row, seed) for seed in row.seeds)
            print(f"{row.path:<44}{done} of {len(row.seeds)} seeds done  {row.title}")
        return 0
    if options.smoke:
        options.results = options.runs / "results"
        entries = [(row, seed) for row in smoke_rows() for seed in row.seeds]
    else:
        wanted: list[tuple[str, int | None]] = [(name, None) for name in options.names]
        if options.queue is not None:
            wanted += read_queue(options.queue)
        if options.all:
            wanted += [(experiment.name, None) for experiment in experiments]
        entries = [
            (row, chosen)
            for name, seed in wanted
            for row in choose_rows(experiments, [name])
            for chosen in (row.seeds if seed is None else (seed,))
        ]
    if not entries and not options.table:
        parser.error("nothing to do: name rows, or give --list, --all, --queue, --table or --smoke")
    failed = False
    try:
        for row, seed in entries:
            try:
                if options.record and seed != row.seeds[0]:
                    continue
                if not options.record:
                    work(row, seed, bench, options.train_only)
            except RuntimeError as error:
                print(f"{row.path}, seed {seed}: {error}", file=sys.stderr, flush=True)
                failed = True
                continue
            if write_record(row, bench, options.results) is not None:
                report(row, options.results)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return INTERRUPTED
    if not options.no_page and not options.smoke:
        page = options.results / "README.md"
        page.write_text(make_page(experiments, options.results), encoding="utf-8")
        print(f"{page} is made")
        if options.results.resolve() == RESULTS:
            text = README.read_text(encoding="utf-8")
            README.write_text(with_results(text, experiments), encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
