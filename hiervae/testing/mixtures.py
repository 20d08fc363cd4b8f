"""Conformance of the components of a mixture prior, which are drawn from one by one."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import numpy as np
from keras import ops

from hiervae.model import HierarchicalVAE
from hiervae.priors.base import Prior
from hiervae.testing.check import Array, Check
from hiervae.testing.density import DEVIATIONS, compare_with_mixture
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import ROWS, check_seeds, generator, numpy

METHODS = ("check_component", "sample_component")
NO_COMPONENTS = (-1, 0.5, 10**9)

MOST_COMPONENTS = 32
"""Of a mixture of more, the draws of its components are not put together."""

DRAWS = 20_000


def has_components(prior: Prior) -> bool:
    """Whether the class of a prior says what its components are."""
    return any(_is_own(prior, name) for name in METHODS)


def _is_own(prior: Prior, name: str) -> bool:
    return getattr(type(prior), name) is not getattr(Prior, name)


def check_sample_component(subject: Subject, model: HierarchicalVAE, components: Any) -> None:
    """Check which components there are, and what their draws look like.

    Args:
        subject: the prior.
        model: a built model with it.
        components: the posteriors of its pseudo-inputs, if it has any.
    """
    prior = model.prior
    if not has_components(prior):
        return
    fix = "Override check_component() and sample_component() together; components count from 0."
    with subject.check("sample_component", fix) as check:
        missing = [name for name in METHODS if not _is_own(prior, name)]
        check.require(not missing, f"a class without {missing} of its own", f"{list(METHODS)}")
        _check_numbers(check, prior)
    fix = "Return draws of shape (num_samples, prior_dim); take the number as a tensor as well."
    with subject.check("sample_component", fix) as check:
        for index in {0, len(_numbers(prior)) - 1}:
            draws = prior.sample_component(index, ROWS, components, seed=generator())
            array = check.require_array("sample_component", draws, (ROWS, model.prior_dim))
            check.require(np.isfinite(array).all(), "draws that are not finite", "finite numbers")
            number = ops.convert_to_tensor(index, dtype="int32")
            same = prior.sample_component(number, ROWS, components, seed=generator())
            what = f"a draw of component {index}, given as a tensor,"
            check.require_close(what, numpy(same), array)
    fix = "Draw all randomness from the `seed` of sample_component()."
    with subject.check("seeds", fix) as check:
        check_seeds(
            check, lambda seed: [numpy(prior.sample_component(0, ROWS, components, seed=seed))]
        )


def _check_numbers(check: Check, prior: Prior) -> None:
    found: Any = prior.check_component(0)
    check.require(
        isinstance(found, int) and found == 0, f"check_component(0) = {found!r}", "the integer 0"
    )
    for wrong in NO_COMPONENTS:
        try:
            found = prior.check_component(wrong)
        except ValueError:
            continue
        check.require(False, f"check_component({wrong!r}) = {found!r}", "a ValueError")


def _numbers(prior: Prior) -> list[int]:
    """The first components, one more of them than are put together."""

    def is_one(index: int) -> bool:
        try:
            prior.check_component(index)
        except ValueError:
            return False
        return True

    return list(takewhile(is_one, range(MOST_COMPONENTS + 1)))


def check_mixture(
    subject: Subject, prior: Prior, components: Any, draws: Array, setting: str
) -> None:
    """Check that the draws of a prior are those of its components, in some proportions.

    The weights of the components are not known here, so those that fit best are taken.

    Args:
        subject: the prior.
        prior: a built one.
        components: the posteriors of its pseudo-inputs, if it has any.
        draws: of the prior, shape (n, prior_dim).
        setting: of the weights, for the message.
    """
    if not has_components(prior):
        return
    fix = (
        "Let sample_component() draw from the very components that sample() chooses among, and "
        "check_component() accept all of them."
    )
    with subject.check("sample_component", fix) as check:
        numbers = _numbers(prior)
        if len(numbers) > MOST_COMPONENTS:
            return
        size = DRAWS // len(numbers)
        parts = [
            numpy(prior.sample_component(index, size, components, seed=generator(7 + index)))
            for index in numbers
        ]
        result = compare_with_mixture(draws, [part.astype("float64") for part in parts])
        check.require(
            result.distance <= DEVIATIONS * result.error,
            f"{result.of_draws:.3f} as the mean of a test function over sample(), but "
            f"{result.of_parts:.3f} over draws of its {len(numbers)} components in the proportions "
            f"that fit best, {setting}",
            "the same",
        )
