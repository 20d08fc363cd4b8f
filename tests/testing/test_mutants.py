"""Each fault is caught by the check that is there for it, and by no other."""

from __future__ import annotations

from typing import Any

import pytest

from hiervae import registry, testing
from hiervae.testing.outcomes import collect

from . import mutants

# Compiled steps refuse these too, where there are any, and then no weight moves.
ALSO = {"traced": {"fit", "gradients", "inspection", "saving"}}


def failures(part: type[Any]) -> list[testing.ConformanceError]:
    (kind,) = (role.name for role in registry.ROLES.values() if issubclass(part, role.base_class()))
    with collect() as outcomes:
        getattr(testing, f"check_{kind}")(part)
    return outcomes.failures


@pytest.mark.compiles(3)
@pytest.mark.parametrize(("part", "name"), mutants.CAUGHT_BY.items())
def test_one_check_alone_catches_it(part: type[Any], name: str, backend: str) -> None:
    found = {failure.check for failure in failures(part)}
    assert name in found
    assert found - {name} <= (ALSO.get(name, set()) if backend != "torch" else set())


def test_the_part_that_they_derive_from_passes() -> None:
    assert failures(mutants.Normal) == []


def test_a_wrong_sampler_beside_a_right_density_is_told_so() -> None:
    with pytest.raises(testing.ConformanceError, match="Look at sample") as caught:
        testing.check_prior(mutants.SamplesFarAway)
    assert caught.value.check == "sampling"
    assert "exp(log_prob) integrates to 1" in caught.value.fix


def test_a_flow_is_told_about_its_determinant_and_not_about_components() -> None:
    with pytest.raises(testing.ConformanceError, match="log-determinant") as caught:
        testing.check_prior(mutants.ForgetsTheLogDeterminant)
    assert caught.value.check == "normalisation"
    assert "log-sum-exp" not in str(caught.value)
