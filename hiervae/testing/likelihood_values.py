"""What a likelihood returns, and which values it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiervae.errors import DataError
from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Array, late_state
from hiervae.testing.inference_draws import check_seeds
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import HALF, generator, normal_array, numpy, small_model, tensor

ROWS = 6


def features(model: HierarchicalVAE, rows: int = ROWS, scale: float = 1.0) -> Array:
    """Decoder features of different rows."""
    return normal_array(rows, *model.inference.features_shape, scale=scale)


def check_values(subject: Subject, model: HierarchicalVAE) -> None:
    """Check what a built likelihood returns."""
    likelihood = model.likelihood
    names = [variable.path for variable in likelihood.variables]
    with subject.check("sample", "Return a draw of shape (n, *event_shape).") as check:
        parameters = likelihood(tensor(features(model)))
        shape = (ROWS, *(model.event_shape or ()))
        draws = likelihood.sample(parameters, seed=generator())
        values = check.require_array("sample", draws, shape)
        check.require(np.isfinite(values).all(), "draws that are not finite", "finite numbers")
    with subject.check("seeds", "Draw all randomness from the `seed` that is passed.") as check:
        many = likelihood(tensor(features(model, 100)))
        check_seeds(check, lambda seed: [numpy(likelihood.sample(many, seed=seed))])
    with subject.check("mean", "Return means of shape (n, *event_shape).") as check:
        mean = check.require_array("mean", likelihood.mean(parameters), shape)
        check.require(np.isfinite(mean).all(), "means that are not finite", "finite numbers")
    _check_log_prob(subject, model, values)
    late = [variable.path for variable in likelihood.variables if variable.path not in names]
    if late:
        raise late_state(subject.part, f"the new weights {late} after use")
    _check_range(subject, likelihood, values)


def _check_log_prob(subject: Subject, model: HierarchicalVAE, values: Array) -> None:
    likelihood, rows = model.likelihood, (ROWS,)
    inputs = features(model)
    parameters = likelihood(tensor(inputs))
    changed = inputs.copy()
    changed[: ROWS // 2] += 1.0
    kept = slice(ROWS // 2, None)
    results = {}
    for name in ("log_prob", "reconstruction_error"):
        fix = "Sum over the event's axes alone, never over rows: the result has shape (n,)."
        with subject.check(name, fix) as check:
            method = getattr(likelihood, name)
            result = check.require_array(name, method(tensor(values), parameters), rows)
            check.require(np.isfinite(result).all(), f"{name} = {result}", "finite numbers")
            after = numpy(method(tensor(values), likelihood(tensor(changed))))
            check.require_close(
                f"{name} of a row after another row has changed", after[kept], result[kept]
            )
            results[name] = result
    fix = "Return a term of -log p(x | z) that is least, and not negative, where x is expected."
    with subject.check("reconstruction_error", fix) as check:
        lowest = results["reconstruction_error"].min()
        check.require(lowest >= 0.0, f"an error of {lowest}", "no negative number")
    with subject.check("joint", "Let log_prob_and_error return what both methods return.") as check:
        both = likelihood.log_prob_and_error(tensor(values), parameters)
        for (name, result), joint in zip(results.items(), both, strict=True):
            check.require_close(f"{name} of log_prob_and_error", numpy(joint), result)
    with subject.check("extremes", "Bound what is exponentiated; work with logits.") as check:
        far = likelihood(tensor(features(model, scale=1e4)))
        for name in results:
            result = numpy(getattr(likelihood, name)(tensor(values), far))
            check.require(
                np.isfinite(result).all(), f"{name} = {result} for large features", "finite numbers"
            )


def _check_range(subject: Subject, likelihood: Any, values: Array) -> None:
    fix = "Declare `value_range`, and raise a DataError in check_values() for other values."
    with subject.check("values", fix) as check:
        likelihood.check_values(values)
        low, high = likelihood.value_range
        for bound, outside in ((low, -1.0), (high, 1.0)):
            if bound is None:
                continue
            wrong = values.copy()
            wrong.flat[0] = bound + outside
            try:
                likelihood.check_values(wrong)
            except DataError:
                continue
            check.require(False, f"no DataError for the value {wrong.flat[0]}", "a DataError")


def check_precision(subject: Subject, event_shape: tuple[int, ...]) -> None:
    """Check that log-densities stay in float32 under a half-precision policy."""
    fix = "Cast to float32 before log-densities are formed."
    with subject.check("precision", fix) as check:
        model = small_model(event_shape, likelihood=subject.fresh(HALF), dtype=HALF)
        parameters = model.likelihood(tensor(features(model)))
        draws = model.likelihood.sample(parameters, seed=generator())
        check.require_array("sample", draws, (ROWS, *event_shape))
        for name in ("log_prob", "reconstruction_error"):
            result = getattr(model.likelihood, name)(draws, parameters)
            check.require_array(f"{name} under mixed_float16", result, (ROWS,))
