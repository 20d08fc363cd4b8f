"""Records of measurements: what was measured, with what, and how it compares."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.statistics import QUANTITIES, Cost, Summary, paired_ratios

FORMAT = 1
_DISTRIBUTIONS = ("hiervae", "keras", "jax", "tensorflow", "torch", "numpy", "scipy")


@dataclass(frozen=True)
class Measured:
    """What one subject took for one row.

    Attributes:
        backend: it ran on.
        units: units of work a round.
        cpu: seconds of each round.
        wall: seconds of each round.
        peak_mib: largest resident memory of its process.
        start_up_s: from the process's start to the first result: imports, building, compiling.
        flop: of the matrix products of a unit, where they are counted.
        start_up_cpu_s: CPU time of the process until then, which a busy machine lengthens less.
        ready_mib: resident memory before the first round, the model built.
    """

    backend: str
    units: float
    cpu: list[float]
    wall: list[float]
    peak_mib: float
    start_up_s: float
    flop: float | None = None
    start_up_cpu_s: float | None = None
    ready_mib: float | None = None

    @classmethod
    def of(cls, backend: str, facts: dict[str, Any], costs: list[Cost]) -> Measured:
        """Join what a process said of itself with its rounds."""
        start_up = facts["import_s"] + facts["prepare_s"] + facts["first_round_s"]
        return cls(
            backend,
            facts["units"],
            [cost.cpu for cost in costs],
            [cost.wall for cost in costs],
            facts["peak_mib"],
            start_up,
            facts["flop"],
            facts["start_up_cpu_s"],
            facts["ready_mib"],
        )

    def per_unit(self, quantity: str) -> Summary:
        """Seconds a unit, by "cpu" or "wall"."""
        return Summary.of([seconds / self.units for seconds in getattr(self, quantity)])

    @property
    def growth_mib(self) -> float | None:
        """Memory that the rounds took above the built model."""
        return None if self.ready_mib is None else self.peak_mib - self.ready_mib

    @property
    def rate(self) -> float | None:
        """Operations of the counted matrix products in a second of CPU time."""
        return None if self.flop is None else self.flop / self.per_unit("cpu").median


@dataclass(frozen=True)
class Record:
    """One run of the program.

    Attributes:
        backend: that was measured.
        command: that made the record.
        seed: of data and weights.
        cores: that the processes were pinned to.
        commit: of the repository, None outside one.
        versions: of Python and what takes part.
        machine: processor, cores and load at the start.
        rows: by row name and subject.
    """

    backend: str
    command: str
    seed: int
    cores: list[int]
    commit: str | None
    versions: dict[str, str]
    machine: dict[str, Any]
    rows: dict[str, dict[str, Measured]] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read what `write` wrote.

        Raises:
            ValueError: if the file is none of this format.
        """
        content = json.loads(path.read_text())
        if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
            raise ValueError(f"{path} is no benchmark record of format {FORMAT}; measure again.")
        content["rows"] = {
            name: {subject: Measured(**values) for subject, values in row.items()}
            for name, row in content["rows"].items()
        }
        return cls(**content)

    def continuing(self, earlier: Record) -> Record:
        """This record with the rows of an earlier one, made by the same means.

        Raises:
            ValueError: if backend, versions, seed or processor differ.
        """
        mine, theirs = (
            (each.backend, each.versions, each.seed, each.machine["processor"])
            for each in (self, earlier)
        )
        if mine != theirs:
            raise ValueError(
                f"The record to go on with was made with {theirs}, this one would be with {mine}; "
                "write to another file."
            )
        return replace(self, rows={**earlier.rows, **self.rows})

    def ratio(self, row: str, quantity: str) -> Summary | None:
        """The package's cost a unit relative to its reference; None where there is none."""
        own, *others = self.rows[row].values()
        if not others:
            return None
        per_unit = [
            [seconds / each.units for seconds in getattr(each, quantity)]
            for each in (own, others[0])
        ]
        return paired_ratios(*per_unit)

    def product_rate(self) -> float | None:
        """The machine's rate of large matrix products, the larger of those measured."""
        rates = [each.rate for each in self.rows.get("machine/product", {}).values()]
        return max((rate for rate in rates if rate is not None), default=None)


def compared(old: Record, new: Record) -> dict[str, dict[str, float]]:
    """Cost a unit of the newer record relative to the older one: by row, then by quantity.

    Only the package's own costs; rows that both have.
    """
    found = {}
    for row in new.rows:
        if row in old.rows:
            first, second = (next(iter(record.rows[row].values())) for record in (old, new))
            found[row] = {
                quantity: second.per_unit(quantity).median / first.per_unit(quantity).median
                for quantity in QUANTITIES
            }
    return found


def versions() -> dict[str, str]:
    """Versions of Python and of what is installed of what takes part."""
    found = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """The processor, the cores it has, and the load before anything is measured."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def commit() -> str | None:
    """The repository's commit, with a plus where files were changed; None outside one."""
    try:
        command = ["git", "describe", "--always", "--abbrev=10", "--dirty=+"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
