"""Costs of repeated rounds: medians, spreads and ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

QUANTITIES = ("cpu", "wall")


@dataclass(frozen=True)
class Cost:
    """What one round of work took, in seconds.

    Attributes:
        wall: time that passed; noisy where other processes compete for the cores.
        cpu: time this process computed, over all its threads.
    """

    wall: float
    cpu: float


@dataclass(frozen=True)
class Summary:
    """Median and range of some numbers."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary:
        """Summarise at least one number."""
        return cls(statistics.median(values), min(values), max(values))


def measure(work: Callable[[], object]) -> Cost:
    """Do the work once; it must wait for its results."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def paired_ratios(first: Sequence[float], second: Sequence[float]) -> Summary:
    """Ratios first over second, round by round.

    Neighbouring rounds see the same machine, so their ratio holds whatever else is running.
    """
    return Summary.of([a / b for a, b in zip(first, second, strict=True)])


def interleave(works: Sequence[Callable[[], Cost]], rounds: int) -> list[list[Cost]]:
    """Costs of each work, measured in turns: A B C, C B A, A B C ...

    The alternating order cancels a steady drift within a round. Nothing is left out: let each work
    run once before, so that it is compiled.

    Args:
        works: each does a round and gives its cost.
        rounds: number of rounds.
    """
    costs: list[list[Cost]] = [[] for _ in works]
    for index in range(rounds):
        order = range(len(works)) if index % 2 == 0 else reversed(range(len(works)))
        for position in order:
            costs[position].append(works[position]())
    return costs
