"""Every fault of a part is caught, by name, on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hiervae.testing import (
    ConformanceError,
    check_inference,
    check_likelihood,
    check_network,
    check_scheduler,
)

from . import broken_inference, broken_likelihoods, broken_networks, broken_schedulers

CASES = [
    (check, part, name)
    for check, module in (
        (check_inference, broken_inference),
        (check_likelihood, broken_likelihoods),
        (check_network, broken_networks),
        (check_scheduler, broken_schedulers),
    )
    for part, name in module.BROKEN.items()
]


@pytest.mark.compiles(4)
@pytest.mark.parametrize(("check", "part", "name"), CASES)
def test_broken_part(check: Callable[..., None], part: type[Any], name: str) -> None:
    with pytest.raises(ConformanceError, match=f"{part.__name__}.* failed the check '{name}'"):
        check(part)


@pytest.mark.compiles(0)
def test_the_good_scheduler_passes() -> None:
    check_scheduler(broken_schedulers.GoodScheduler, rate=0.25)


def test_a_scheduler_that_cannot_be_compiled() -> None:
    with pytest.raises(ConformanceError, match="failed the check 'traced'"):
        check_scheduler(broken_schedulers.BranchesOnATensor)
