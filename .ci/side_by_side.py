"""Commands that run side by side, as many as there are cores, and compile quickly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.quick_xla import quick_flags


def run(
    commands: Mapping[str, Sequence[str]],
    environments: Mapping[str, Mapping[str, str]] | None = None,
    accepted: Sequence[int] = (0,),
) -> list[str]:
    """Run all, print the output of each when it ends, and return the names of those that failed.

    Args:
        commands: the arguments by name, the longest commands first.
        environments: environment variables by name, beside those of this process.
        accepted: exit statuses of success.
    """

    def output(name: str) -> bool:
        done = subprocess.run(
            commands[name],
            env={"XLA_FLAGS": quick_flags(), **os.environ, **(environments or {}).get(name, {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        print(f"== {name}: exit status {done.returncode}\n{done.stdout}", flush=True)
        return done.returncode in accepted

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(output, commands))
    return [name for name, success in zip(commands, passed, strict=True) if not success]
