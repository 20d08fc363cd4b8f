"""Fail when the share of expressions of type Any rises in a package.

    mypy --any-exprs-report REPORT && python .ci/typing_ratchet.py REPORT [--write]

mypy counts every expression, and those whose type is Any outright; `list[Any]` is not one. Modules
directly below the package count as `hiervae`. A tensor is `hiervae.types.Tensor`, and Keras and the
backends are what `typings/` declares of them, so that an Any there is a gap and not their nature.
The committed shares, in per cent, are those of `typing.json`; `--write` replaces them.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

SHARES = Path(__file__).with_name("typing.json")
SLACK = 0.1  # percentage points, for other versions of mypy
NEW = 8.0  # per cent that a package may begin with
TOTAL = "total"


def shares(report: Path) -> dict[str, float]:
    """Per cent of expressions of type Any by package, and in total."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in (report / "any-exprs.txt").read_text().splitlines():
        name, *numbers = line.split()
        if not name.startswith("hiervae"):
            continue
        parts = name.split(".")
        is_package = Path(*parts[:2]).is_dir() if len(parts) > 1 else False
        for key in (".".join(parts[:2]) if is_package else "hiervae", TOTAL):
            counts[key][0] += int(numbers[0])
            counts[key][1] += int(numbers[1])
    return {key: round(100 * some / all_, 2) for key, (some, all_) in sorted(counts.items())}


def main(arguments: list[str]) -> int:
    """Compare the report with the committed shares; 1 where one has risen."""
    found = shares(Path(arguments[0]))
    if "--write" in arguments:
        SHARES.write_text(json.dumps(found, indent=2) + "\n")
        return 0
    allowed = json.loads(SHARES.read_text())
    risen = [
        f"{name}: {share} % of the expressions are Any; expected at most {allowed.get(name, NEW)} %"
        for name, share in found.items()
        if share > allowed.get(name, NEW) + SLACK
    ]
    print("\n".join(risen) or f"{found[TOTAL]} % of all expressions are Any; no share has risen.")
    return 1 if risen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
