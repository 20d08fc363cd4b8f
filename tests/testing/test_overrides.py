"""Optional methods that a part overrides are held to what their bases say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hiervae.testing import (
    ConformanceError,
    check_inference,
    check_likelihood,
    check_network,
    check_prior,
)
from hiervae.testing.check import Check
from hiervae.testing.density import DEVIATIONS, compare_with_mixture

from . import broken_overrides

CASES = [
    (check, part, name)
    for check, parts in (
        (check_prior, broken_overrides.PRIORS),
        (check_likelihood, broken_overrides.LIKELIHOODS),
        (check_inference, broken_overrides.SCHEMES),
        (check_network, broken_overrides.NETWORKS),
    )
    for part, name in parts.items()
]


@pytest.mark.compiles(4)
@pytest.mark.parametrize(("check", "part", "name"), CASES)
def test_broken_override(check: Callable[..., None], part: type[Any], name: str) -> None:
    with pytest.raises(ConformanceError, match=f"{part.__name__}.* failed the check '{name}'"):
        check(part)


@pytest.mark.backends("jax", "tensorflow")  # on PyTorch the number has a value
def test_a_component_whose_number_is_taken_out_of_its_tensor() -> None:
    with pytest.raises(ConformanceError, match="failed the check 'inspection'"):
        check_prior(broken_overrides.TakesTheNumberOut)


@pytest.mark.compiles(1)
@pytest.mark.parametrize(
    ("check", "part"),
    [
        (check_prior, broken_overrides.Whole),
        (check_prior, broken_overrides.WiderNormal),
        (check_likelihood, broken_overrides.BoundsTheSquaredError),
        (check_inference, broken_overrides.InfersFromHalf),
    ],
)
def test_what_keeps_the_contract_passes(check: Callable[..., None], part: type[Any]) -> None:
    check(part)


@pytest.mark.parametrize(
    ("part", "got", "expected"),
    [
        ("AcceptsAnyNumber", "check_component(-1) = -1", "a ValueError"),
        ("SaysNotWhatTheyAre", "without ['check_component'] of its own", "sample_component"),
        ("AlwaysDrawsTheFirst", "in the proportions that fit best", "the same"),
        ("DrawsOneDimension", "sample_component of shape (6,)", "shape (6, 1)"),
        ("LeavesOutWithoutNormalising", "over z, for one example", "at most 1"),
        ("PairsWithAnotherExample", "of the rows in another order", ""),
        ("TrainsOnSomethingElse", "that depends on no example", ""),
        ("NamesWhatIsNoOption", "'speed', no argument of the constructor", "'num_threads'"),
        ("ForgetsTheComma", "live_options = 'num_threads'", "a tuple of names"),
        ("KeepsItElsewhere", "no attribute 'num_threads'", "one"),
        ("SavesTheFirstValue", "get_config()['num_threads'] = 1", "the value that was set"),
    ],
)
def test_what_is_wrong_with_a_prior_is_named(part: str, got: str, expected: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_prior(getattr(broken_overrides, part))
    assert got in caught.value.got
    assert expected in caught.value.expected


@pytest.mark.parametrize(
    ("part", "got"),
    [
        ("RepeatsEachExample", "log_prob_of_draws of 3 draws an example, weights as built"),
        ("CrossEntropy", "log_prob_of_draws of 1 draws an example, weights as built"),
        ("OverflowsInDraws", "features of size 10000"),
        ("ForgetsItsScaleInDraws", "moved, features of size 1"),
        ("ForgetsItsScaleInBoth", "log_prob of log_prob_and_error, kernels moved"),
    ],
)
def test_where_a_likelihood_disagrees_is_named(part: str, got: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_likelihood(getattr(broken_overrides, part))
    assert got in caught.value.got


@pytest.mark.parametrize(
    ("part", "got"),
    [
        ("EncodesHalf", "the mean of the posterior of level 1 by infer_encoded()"),
        ("ForgetsThatItIsTopDown", "top_down = False of level 1 by infer_encoded()"),
        ("DecodesTheMeansOfEncoded", "features by infer_encoded()"),
    ],
)
def test_what_a_scheme_infers_otherwise_is_named(part: str, got: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_inference(getattr(broken_overrides, part))
    assert got in caught.value.got


def test_a_mixture_is_told_from_its_parts_in_unequal_proportions() -> None:
    generator = np.random.default_rng(0)
    parts = [generator.normal(mean, 0.5, (5000, 2)) for mean in (-2.0, 0.0, 3.0)]
    weights = (0.7, 0.2, 0.1)
    whole = generator.permutation(
        np.concatenate(
            [
                generator.normal(mean, 0.5, (int(20_000 * weight), 2))
                for mean, weight in zip((-2.0, 0.0, 3.0), weights, strict=True)
            ]
        )
    )
    right = compare_with_mixture(whole, parts)
    assert right.distance < 3.0 * right.error
    wrong = compare_with_mixture(whole, parts[:2])
    assert wrong.distance > DEVIATIONS * wrong.error


def test_infinities_that_agree_are_not_what_is_named() -> None:
    check = Check("part", "name", "fix", __name__)
    got, expected = np.array([-np.inf, 1.0]), np.array([-np.inf, 2.0])
    with pytest.raises(ConformanceError, match="Got it = 1. Expected 2"):
        check.require_close("it", got, expected)
    check.require_close("it", got, got)
