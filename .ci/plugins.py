"""Install every distribution in plugins/ and run its tests on each backend that it claims.

    python .ci/plugins.py [BACKEND ...]

Without backends, on all of them. A distribution claims all three unless its pyproject.toml says
otherwise:

    [tool.hiervae]
    backends = ["tensorflow"]

Each is installed without its dependencies, which the environment is to have. As many suites run at
a time as there are cores. Exit status 1 where one fails; the others run all the same.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import side_by_side

BACKENDS = ("jax", "tensorflow", "torch")
ROOT = Path(__file__).resolve().parents[1] / "plugins"
INSTALL = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation")


def claimed(folder: Path) -> tuple[str, ...]:
    """Return the backends that a distribution claims."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text())
    return tuple(settings.get("tool", {}).get("hiervae", {}).get("backends", BACKENDS))


def main(wanted: list[str]) -> int:
    """Install all, then test each on the `wanted` backends."""
    folders = sorted(path.parent for path in ROOT.glob("*/pyproject.toml"))
    subprocess.run([sys.executable, *INSTALL, *map(str, folders)], check=True)
    suites = {
        f"{folder.name} on {backend}": (folder / "tests", backend)
        for folder in folders
        for backend in claimed(folder)
        if backend in (wanted or BACKENDS)
    }
    failed = side_by_side.run(
        {
            name: (sys.executable, "-m", "pytest", "-q", str(tests))
            for name, (tests, _) in suites.items()
        },
        {name: {"KERAS_BACKEND": backend} for name, (_, backend) in suites.items()},
        accepted=(0, 5),  # 5 is a suite without tests.
    )
    print("failed: " + ", ".join(failed) if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
