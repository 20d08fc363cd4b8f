"""Conformance of the methods of a likelihood that are asked in place of `log_prob`."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiervae.likelihoods.base import Likelihood, log_prob_and_error
from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Array
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import AS_BUILT, ROWS, features, numpy, settings, tensor
from hiervae.utils.overrides import stands_for

SAMPLES = 3


def has_draws_of_its_own(likelihood: Likelihood) -> bool:
    """Whether the model asks a likelihood for `log_prob_of_draws` in place of `log_prob`."""
    return stands_for(likelihood, "log_prob_of_draws", "log_prob")


def check_shortcuts(subject: Subject, model: HierarchicalVAE, values: Array) -> None:
    """Check `log_prob_and_error` and `log_prob_of_draws` against the plain methods.

    They must agree with weights that are moved as well, for features that are far out, and for
    values outside `value_range`, which data that is streamed may hold.

    Args:
        subject: the likelihood.
        model: a built model with it.
        values: its draws, shape (ROWS, *event_shape).
    """
    likelihood = model.likelihood
    beyond = _with_one_outside(likelihood, values)
    for setting in settings(likelihood.trainable_variables):
        for scale in (1.0, 1e4) if setting == AS_BUILT else (1.0,):
            parameters = likelihood(tensor(features(model, scale=scale)))
            where = f"{setting}, features of size {scale:g}"
            _check_joint(subject, likelihood, values, parameters, where)
            for examples in (values, beyond):
                _check_draws(subject, likelihood, examples, parameters, where)


def _with_one_outside(likelihood: Likelihood, values: Array) -> Array:
    """The values with one outside the range, where there is a bound."""
    low, high = likelihood.value_range
    outside = values.copy()
    if high is not None:
        outside.flat[0] = high + 1.0
    elif low is not None:
        outside.flat[0] = low - 1.0
    return outside


def _check_joint(
    subject: Subject, likelihood: Likelihood, values: Array, parameters: Any, where: str
) -> None:
    with subject.check("joint", "Let log_prob_and_error return what both methods return.") as check:
        both = log_prob_and_error(likelihood, tensor(values), parameters)
        for name, joint in zip(("log_prob", "reconstruction_error"), both, strict=True):
            plain = numpy(getattr(likelihood, name)(tensor(values), parameters))
            if np.isnan(plain).any():
                continue  # the check of the method itself says so
            what = f"{name} of log_prob_and_error, {where},"
            check.require_close(what, check.require_array(what, joint, (ROWS,)), plain)


def _check_draws(
    subject: Subject, likelihood: Likelihood, values: Array, parameters: Any, where: str
) -> None:
    if not has_draws_of_its_own(likelihood):
        return
    fix = (
        "Let log_prob_of_draws() return log_prob() of the examples repeated for each draw, row "
        "s * batch + b."
    )
    with subject.check("log_prob_of_draws", fix) as check:
        for number in (1, SAMPLES):
            examples = tensor(values[: ROWS // number])
            plain = numpy(Likelihood.log_prob_of_draws(likelihood, examples, parameters, number))
            if np.isnan(plain).any():
                continue  # log_prob() does not say what it is there
            found = likelihood.log_prob_of_draws(examples, parameters, number)
            what = f"log_prob_of_draws of {number} draws an example, {where},"
            check.require_close(what, check.require_array(what, found, (ROWS,)), plain)
