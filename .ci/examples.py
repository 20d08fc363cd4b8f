"""Run every example that trains or draws records, and the benchmarks, at their smallest.

    python .ci/examples.py FOLDER

What they write goes under FOLDER. As many run at a time as there are cores. Exit status 1 where one
fails; the others run all the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

import side_by_side

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
# The option that takes a folder, by example; the longest first.
OPTIONS = {
    "vlae": "--out",
    "components": "--out",
    "ladder": "--out",
    "pendulum": "--out",
    "reproduce": "--runs",
    "active_units": "--out",
    "stacked": "--out",
    "vamp_figures": "--out",
    "static_mnist": "--out",
    "own_prior": None,
}


def main(folder: Path) -> int:
    """Run all and return the exit status."""
    depths = [str(EXAMPLES / "ladder_depths.py"), "--out", str(folder / "ladder_depths")]
    commands = {
        "benchmarks": [sys.executable, "-m", "benchmarks", "--smoke"],
        "ladder_depths": [sys.executable, *depths],
    }
    for name, option in OPTIONS.items():
        out = [] if option is None else [option, str(folder / name)]
        commands[name] = [sys.executable, str(EXAMPLES / f"{name}.py"), "--smoke", *out]
    failed = side_by_side.run(commands)
    print("failed: " + ", ".join(failed) if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
