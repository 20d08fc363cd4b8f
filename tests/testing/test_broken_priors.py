"""Every fault of a prior is caught, by name, on every backend."""

from __future__ import annotations

import pytest

from hiervae.testing import ConformanceError, check_prior

from .broken_priors import (
    BROKEN,
    BROKEN_IN_A_MODEL,
    BranchesOnATensor,
    ReportsAnotherValue,
    RestoresTheDefault,
)
from .good_prior import GoodMixture


@pytest.mark.compiles(0)
def test_the_good_prior_passes() -> None:
    check_prior(GoodMixture, num_components=2)


@pytest.mark.compiles(4)
@pytest.mark.parametrize(("prior", "check"), (BROKEN | BROKEN_IN_A_MODEL).items())
def test_broken_prior(prior: type, check: str) -> None:
    with pytest.raises(ConformanceError, match=f"{prior.__name__}.* failed the check '{check}'"):
        check_prior(prior)


@pytest.mark.parametrize("prior", [RestoresTheDefault, ReportsAnotherValue])
def test_options_that_are_lost(prior: type) -> None:
    with pytest.raises(ConformanceError, match="num_components") as caught:
        check_prior(prior, num_components=5)
    assert caught.value.check == "config"


def test_a_prior_that_cannot_be_compiled() -> None:
    with pytest.raises(ConformanceError, match="failed the check 'traced'"):
        check_prior(BranchesOnATensor)
