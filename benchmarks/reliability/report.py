"""Write the figures of docs/reliability.md from the records in docs/reliability.

    python -m benchmarks.reliability.report

A record is a file `<program>-<backend>.json`, which each program writes by --out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reliability.md"
RECORDS = DOCS / "reliability"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
BACKENDS = ("torch", "jax", "tensorflow")


def read_records(folder: Path = RECORDS) -> dict[str, dict[str, Any]]:
    """The records by program and backend."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        program, _, backend = path.stem.rpartition("-")
        found.setdefault(program, {})[backend] = json.loads(path.read_text())
    return found


def page_with(page: str, figures: str) -> str:
    """The page with other figures between its two marks."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + figures + END + rest.partition(END)[2]


def figures_of(records: dict[str, dict[str, Any]]) -> str:
    """All tables, in Markdown."""
    makers = {
        "kills": ("Kills, full disks and damaged checkpoints: equal bit for bit of all", _kills),
        "interrupts": ("Ctrl-C: models that were whole afterwards, of all", _interrupts),
        "numerics": ("Numerics: outcomes of all compositions", _numerics),
        "determinism": ("Determinism: largest difference relative to a weight's scale", _repeats),
        "endurance": ("Growth over the second half of the work", _endurance),
        "feeds": ("Speed of a source relative to an array; growth of memory", _feeds),
    }
    parts = []
    for program, (title, maker) in makers.items():
        by_backend = {name: records[program][name] for name in _backends(records.get(program, {}))}
        if by_backend:
            rows = maker(by_backend)
            head = ["", *by_backend]
            lines = [head, ["---"] * len(head), *rows]
            table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
            parts.append(f"**{title}.**\n\n{table}\n")
    return "\n" + "\n".join(parts) + "\n"


def _backends(known: dict[str, Any]) -> list[str]:
    return [name for name in BACKENDS if name in known]


def _rows(columns: dict[str, dict[str, str]]) -> list[list[str]]:
    """A row for each key that any backend has."""
    keys = list(dict.fromkeys(key for column in columns.values() for key in column))
    return [[key, *(column.get(key, "not run") for column in columns.values())] for key in keys]


def _kills(records: dict[str, Any]) -> list[list[str]]:
    columns = {}
    for backend, record in records.items():
        counts = record["counts"]
        column = columns[backend] = {}
        for key, value in counts.items():
            kind, _, what = key.partition(": ")
            if what == "all":
                column[kind] = f"{counts[f'{kind}: equal']} of {value}"
            elif what == "file named":
                column["full disk, file named"] = f"{value} of {counts['full disk: all']}"
    return _rows(columns)


def _interrupts(records: dict[str, Any]) -> list[list[str]]:
    return _rows(
        {
            backend: {
                phase: f"{outcomes.get('whole', 0)} of {sum(outcomes.values())}"
                for phase, outcomes in record["results"].items()
            }
            for backend, record in records.items()
        }
    )


def _numerics(records: dict[str, Any]) -> list[list[str]]:
    return _rows(
        {
            backend: {
                case: ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
                for case, counts in record["counts"].items()
            }
            for backend, record in records.items()
        }
    )


def _repeats(records: dict[str, Any]) -> list[list[str]]:
    return _rows(
        {
            backend: {
                name: "equal" if found["equal"] else _apart(found)
                for name, found in record["results"].items()
            }
            for backend, record in records.items()
        }
    )


def _apart(found: dict[str, Any]) -> str:
    weights, score = found["weights_apart"], found["score_apart"]
    return f"{weights:.1e}" if weights else f"weights equal, score {score:.1e}"


def _endurance(records: dict[str, Any]) -> list[list[str]]:
    return _rows(
        {
            backend: {
                entry["work"]: f"{entry['count']}: {entry['growth_mib']} MiB, "
                f"{entry['new_files']} files, {entry['new_threads']} threads"
                + (f", {entry['new_programs']} programs" if entry["new_programs"] else "")
                for entry in record["results"]
            }
            for backend, record in records.items()
        }
    )


def _feeds(records: dict[str, Any]) -> list[list[str]]:
    columns = {}
    for backend, record in records.items():
        column = {
            f"{name}, {model} model": f"{entry['speed_wall']:.2f} (CPU time {entry['speed']:.2f})"
            for model, entries in record["sources"].items()
            for name, entry in entries.items()
        }
        file = record["file"]
        column["file that is mapped"] = f"{file['mib']} MiB: {file['growth_mib']} MiB"
        columns[backend] = column
    return _rows(columns)


def main() -> int:
    """Write the page."""
    PAGE.write_text(page_with(PAGE.read_text(), figures_of(read_records())))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
