"""What became of the checks of one part, where all failures are wanted and not the first alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hiervae.testing.error import ConformanceError


class Outcomes:
    """The checks that were begun, and the failures, in their order."""

    def __init__(self) -> None:
        self.begun: set[str] = set()
        self.failures: list[ConformanceError] = []

    def of(self, name: str) -> list[ConformanceError]:
        """Return the failures of the check of this name."""
        return [failure for failure in self.failures if failure.check == name]


_collected: ContextVar[Outcomes | None] = ContextVar("hiervae_testing_outcomes", default=None)


def collected() -> Outcomes | None:
    """Return where failures are collected now; None where the first one is raised."""
    return _collected.get()


@contextmanager
def collect() -> Iterator[Outcomes]:
    """Collect failures within the context, instead of raising the first.

    An exception outside of all checks is taken for a consequence of a failure before it, and
    raised where there was none.
    """
    outcomes = Outcomes()
    token = _collected.set(outcomes)
    try:
        with step():
            yield outcomes
    finally:
        _collected.reset(token)


@contextmanager
def step() -> Iterator[None]:
    """A part of a conformance check that later parts do not depend on."""
    outcomes = _collected.get()
    try:
        yield
    except ConformanceError as failure:
        if outcomes is None:
            raise
        outcomes.failures.append(failure)
    except Exception:
        if outcomes is None or not outcomes.failures:
            raise
