"""The package beside hand-written loops and the machine's limits.

    KERAS_BACKEND=jax python -m benchmarks                  # the quick rows, on one core
    KERAS_BACKEND=torch python -m benchmarks --all --out docs/benchmarks/torch.json
    python -m benchmarks --only training/vamp scoring --rounds 15
    python -m benchmarks --compare docs/benchmarks/jax.json # ratios to an earlier record
    python -m benchmarks --table                            # renew the tables of the docs

Each row is a piece of work; each of its subjects, the package on the current backend and its
reference, runs in a fresh process. The processes do their rounds in turns on the same core, so that
the ratio of neighbouring rounds holds whatever else the machine does. Ratios are medians with the
smallest and the largest; CPU time is that of the process, all threads.

Exit status 1 if a ratio is above its bound and `--judge` was given.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks import records, rows, tables, worker
from benchmarks.records import Measured, Record
from benchmarks.statistics import interleave

ROUNDS = {"smoke": 1, "quick": 7, "all": 11}
DOCS = Path(__file__).resolve().parents[1] / "docs"


def measure(row: rows.Row, backend: str, options: argparse.Namespace) -> dict[str, Measured]:
    """Measure all subjects of a row."""
    size, smoke = rows.size_of(row, options.mode), options.mode == "smoke"
    threads = len(options.cores)
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(
                worker.started(row.name, name, on, size, options.seed, smoke, threads)
            )
            for name, on in row.subjects(backend).items()
        }
        works = [each.round for each in workers.values()]
        costs = interleave(works, min(options.rounds or ROUNDS[options.mode], row.rounds))
        return {
            name: Measured.of(row.subjects(backend)[name], each.facts, taken)
            for (name, each), taken in zip(workers.items(), costs, strict=True)
        }


def measure_all(options: argparse.Namespace) -> Record:
    """Measure the chosen rows, and print each when it is done."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    record = Record(
        backend=backend,
        command=f"KERAS_BACKEND={backend} python -m benchmarks {shlex.join(sys.argv[1:])}".strip(),
        seed=options.seed,
        cores=sorted(options.cores),
        commit=records.commit(),
        versions=records.versions(),
        machine=records.machine(),
    )
    chosen = rows.chosen(options.mode, options.only)
    if options.resume and options.out is not None and options.out.exists():
        record = record.continuing(Record.read(options.out))
        chosen = [row for row in chosen if row.name not in record.rows]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, options.cores)  # the processes of the subjects inherit it
    for row in chosen:
        began = time.perf_counter()
        record.rows[row.name] = measure(row, backend, options)
        ratio = record.ratio(row.name, "cpu")
        spread = "" if ratio is None else f", ratio {ratio.median:.3f}"
        own = record.rows[row.name][rows.OWN].per_unit("cpu").median
        took = time.perf_counter() - began
        print(f"{row.name}: {own:.3g} s per {row.unit}{spread} ({took:.0f} s)", file=sys.stderr)
        if options.out is not None:
            record.write(options.out)
    return record


def exceeded(record: Record) -> list[str]:
    """What is above its bound: ratios of CPU time, starts and memory."""
    found = []
    for row in rows.ROWS:
        bound = row.bounds.get(record.backend)
        ratio = record.ratio(row.name, "cpu") if row.name in record.rows else None
        if bound is not None and ratio is not None and ratio.median > bound:
            found.append(f"{row.name}: {ratio.median:.3f}, bound {bound:g}")
        if row.name not in record.rows:
            continue
        own = record.rows[row.name][rows.OWN]
        most = row.start_up.get(record.backend)
        if most is not None and own.start_up_s > most:
            found.append(f"{row.name}: first step after {own.start_up_s:.1f} s, bound {most:g}")
        if row.growth is not None and (own.growth_mib or 0.0) > row.growth:
            found.append(f"{row.name}: {own.growth_mib:.0f} MiB more, bound {row.growth:g}")
    return found


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    extent = parser.add_mutually_exclusive_group()
    for mode, meaning in (
        ("smoke", "one tiny round of some rows, to see that all runs"),
        ("quick", "the main rows (default)"),
        ("all", "every row"),
    ):
        extent.add_argument(
            f"--{mode}", dest="mode", action="store_const", const=mode, help=meaning
        )
    parser.add_argument("--only", nargs="+", metavar="ROW", help="rows whose names begin so")
    parser.add_argument("--rounds", type=int, help="rounds of each subject")
    parser.add_argument("--seed", type=int, default=0, help="of data and weights")
    parser.add_argument("--num-cores", type=int, default=1, help="cores to use (default 1)")
    parser.add_argument("--out", type=Path, help="write the record to this file")
    parser.add_argument(
        "--resume", action="store_true", help="keep the rows that the file of --out has"
    )
    parser.add_argument("--compare", type=Path, metavar="OLD", help="print ratios to this record")
    parser.add_argument("--read", type=Path, metavar="NEW", help="read a record, measure nothing")
    parser.add_argument("--judge", action="store_true", help="exit with 1 if a bound is exceeded")
    parser.add_argument(
        "--table", action="store_true", help="renew docs/benchmarks.md from docs/benchmarks/*.json"
    )
    options = parser.parse_args(arguments)
    options.mode = options.mode or "quick"
    usable = sorted(
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    if not 1 <= options.num_cores <= len(usable):
        parser.error(f"--num-cores {options.num_cores}: expected 1 to {len(usable)}.")
    options.cores = usable[-options.num_cores :]
    return options


def main(arguments: list[str] | None = None) -> int:
    """Measure or read, print, and compare."""
    options = parse(arguments)
    if options.table:
        paths = sorted((DOCS / "benchmarks").glob("*.json"))
        section = tables.records_section([Record.read(path) for path in paths])
        tables.replace_section(DOCS / "benchmarks.md", section)
        return 0
    try:
        record = measure_all(options) if options.read is None else Record.read(options.read)
    except ValueError as error:
        sys.exit(str(error))
    print(tables.record_table(record))
    if options.compare is not None:
        print("\n" + tables.comparison_table(Record.read(options.compare), record))
    found = exceeded(record)
    for line in found:
        print(f"above its bound: {line}", file=sys.stderr)
    return int(bool(found) and options.judge)


if __name__ == "__main__":
    sys.exit(main())
