"""Records as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.records import Measured, Record, compared
from benchmarks.rows import OWN, ROWS
from benchmarks.statistics import Summary

BEGIN, END = "<!-- table of the records: begin -->", "<!-- table of the records: end -->"
_TITLES = {
    "machine": "The machine",
    "training": "Training steps",
    "scoring": "Log-likelihood, S = 5000",
    "startup": "From nothing to the first training step",
    "generation": "Encoding, decoding and sampling",
    "graph": "Latent graphs",
    "rule": "REWO beside a constant beta",
}
_HEAD = (
    "work",
    "CPU time",
    "reference",
    "ratio, CPU",
    "ratio, wall",
    "bound",
    "share of the product rate",
    "peak memory",
    "first result",
)


def record_table(record: Record) -> str:
    """All rows of a record, a table for each group."""
    product_rate = record.product_rate()
    parts = []
    for group, title in _TITLES.items():
        rows = [row for row in ROWS if row.group == group and row.name in record.rows]
        if not rows:
            continue
        lines = [[row.title, *_cells(record, row.name, row.unit, product_rate)] for row in rows]
        for line, row in zip(lines, rows, strict=True):
            bound = row.bounds.get(record.backend)
            line.insert(5, "" if bound is None else f"{bound:g}")
        parts.append(f"**{title}**\n\n{_markdown(_HEAD, lines)}")
    return "\n\n".join(parts)


def records_section(records: Sequence[Record]) -> str:
    """What the documentation shows of some records."""
    parts = []
    for record in sorted(records, key=lambda each: (each.backend, len(each.cores))):
        used = {"python", "hiervae", "keras", "numpy", record.backend}
        versions = ", ".join(f"{name} {number}" for name, number in record.versions.items()
                             if name in used)  # fmt: skip
        machine = record.machine
        parts.append(
            f"### {record.backend}{_cores(record)}\n\n"
            f"`{record.command}`, seed {record.seed}, commit {record.commit}: {versions}; "
            f"{machine['processor']}, {len(record.cores)} of {machine['cores']} cores, load "
            f"{machine['load']:g} at the start.\n\n{record_table(record)}"
        )
    return "\n\n".join(parts)


def _cores(record: Record) -> str:
    return "" if len(record.cores) == 1 else f", {len(record.cores)} cores"


def comparison_table(old: Record, new: Record) -> str:
    """Cost of the package in a newer record relative to an older one."""
    ratios = compared(old, new)
    lines = [
        [row.title, f"{ratios[row.name]['cpu']:.3f}", f"{ratios[row.name]['wall']:.3f}"]
        for row in ROWS
        if row.name in ratios
    ]
    head = (f"{new.commit} to {old.commit}", "ratio, CPU", "ratio, wall")
    return _markdown(head, lines)


def replace_section(page: Path, section: str) -> None:
    """Put a section between the marks of a page.

    Raises:
        ValueError: if the page has no marks.
    """
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no line {BEGIN!r} followed by {END!r}; add both.")
    before, _, rest = text.partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{section}\n\n{END}{rest.partition(END)[2]}")


def _cells(record: Record, name: str, unit: str, product_rate: float | None) -> list[str]:
    subjects = record.rows[name]
    own = subjects[OWN]
    others = [(who, each) for who, each in subjects.items() if who != OWN]
    reference = "; ".join(f"{who} {_time(each.per_unit('cpu'))}" for who, each in others)
    peak = " / ".join(map(_memory, subjects.values()))
    return [
        f"{_time(own.per_unit('cpu'))} per {unit}",
        reference,
        _ratio(record.ratio(name, "cpu")),
        _ratio(record.ratio(name, "wall")),
        _share(own, product_rate),
        f"{peak} MiB",
        _start_up(own),
    ]


def _memory(measured: Measured) -> str:
    growth = measured.growth_mib
    return f"{measured.peak_mib:.0f}" + ("" if growth is None else f" (+{growth:.0f})")


def _start_up(measured: Measured) -> str:
    computed = measured.start_up_cpu_s
    cpu = "" if computed is None else f" (CPU {computed:.1f} s)"
    return f"{measured.start_up_s:.1f} s{cpu}"


def _share(own: Measured, product_rate: float | None) -> str:
    if own.rate is None or product_rate is None:
        return ""
    return f"{100 * own.rate / product_rate:.0f} % of {product_rate / 1e9:.0f} GFLOP/s"


def _time(seconds: Summary) -> str:
    value = seconds.median
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if value * factor >= 1.0:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def _ratio(ratio: Summary | None) -> str:
    if ratio is None:
        return ""
    form = ".2f" if ratio.median >= 0.1 else ".2g"
    return f"{ratio.median:{form}} ({ratio.low:{form}} to {ratio.high:{form}})"


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table without the columns that are empty everywhere."""
    kept = [index for index in range(len(head)) if any(line[index] for line in lines)]
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row[index] for index in kept) + " |" for row in rows)
