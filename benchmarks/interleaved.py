"""Timing two ways of doing the same work on a machine that does other things as well."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import keras

QUANTITIES = ("wall", "cpu")
DISTRIBUTIONS = ("hiervae", "keras", "jax", "tensorflow", "torch", "numpy")


@dataclass(frozen=True)
class Cost:
    """What one round of work took, in seconds.

    Attributes:
        wall: time that passed; noisy where other processes compete for the cores.
        cpu: time this process spent computing in user mode, over all its threads.
    """

    wall: float
    cpu: float


def cost(work: Callable[[], object]) -> Cost:
    """Do the work once."""
    cpu = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    wall = time.perf_counter()
    work()
    wall = time.perf_counter() - wall
    return Cost(wall, resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu)


def interleave(
    first: Callable[[], object], second: Callable[[], object], rounds: int
) -> tuple[list[Cost], list[Cost]]:
    """Time both in turns, A B B A A B B A ..., after one round of each that does not count.

    Neighbouring rounds see the same machine, so a pair's ratio holds whatever else is running; the
    alternating order cancels a steady drift within the pairs.

    Args:
        first: one round of the one way; it must wait for its results.
        second: one round of the other way, of as many steps.
        rounds: number of pairs.
    """
    first(), second()
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for index in range(rounds):
        pair = ((first, costs[0]), (second, costs[1]))
        for work, taken in pair if index % 2 == 0 else reversed(pair):
            taken.append(cost(work))
    return costs


def report(
    names: tuple[str, str], costs: tuple[list[Cost], list[Cost]], steps: int
) -> dict[str, float]:
    """Print what a step took either way, and the ratio first over second pair by pair.

    Returns:
        The median ratio by quantity, "wall" and "cpu".
    """
    medians = {}
    for quantity in QUANTITIES:
        first, second = ([getattr(entry, quantity) for entry in part] for part in costs)
        ratios = [a / b for a, b in zip(first, second, strict=True)]
        medians[quantity] = statistics.median(ratios)
        spread = f"min {min(ratios):.3f}, max {max(ratios):.3f}"
        took = ", ".join(
            f"{name} {1e3 * statistics.median(part) / steps:.2f} ms"
            for name, part in zip(names, (first, second), strict=True)
        )
        print(f"  {quantity:>4}: {took} a step; ratio {medians[quantity]:.3f} ({spread})")
    return medians


def judge(ratios: list[float], bound: float) -> int:
    """Print whether all ratios are within the bound; the exit status."""
    holds = max(ratios) <= bound
    print(f"bound {bound}: {'holds' if holds else 'does not hold'}")
    return 0 if holds else 1


def environment() -> dict[str, Any]:
    """What the numbers were measured with."""
    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "backend": keras.backend.backend(),
        "cores": os.cpu_count(),
        **versions,
    }
