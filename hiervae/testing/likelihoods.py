"""Conformance of a likelihood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hiervae.errors import DataError
from hiervae.likelihoods.base import Likelihood, draws_in_steps
from hiervae.model import HierarchicalVAE
from hiervae.testing.behaviour import check_memory, check_traced, copy_weights
from hiervae.testing.check import Array
from hiervae.testing.composition import check_composition
from hiervae.testing.outcomes import step
from hiervae.testing.precision import FIX, check_in_model
from hiervae.testing.process import check_process
from hiervae.testing.shortcuts import check_shortcuts, has_draws_of_its_own
from hiervae.testing.subject import Subject
from hiervae.testing.values import check_density
from hiervae.testing.workbench import (
    HALF,
    ROWS,
    accepted_models,
    check_seeds,
    features,
    generator,
    numpy,
    settings,
    small_model,
    tensor,
    without_new_state,
)

CHECKS = (
    "signature",
    "config",
    "live_options",
    "build",
    "sample",
    "seeds",
    "mean",
    "log_prob",
    "reconstruction_error",
    "joint",
    "log_prob_of_draws",
    "extremes",
    "state",
    "values",
    "normalisation",
    "sampling",
    "support",
    "tails",
    "moments",
    "traced",
    "memory",
    "fit",
    "gradients",
    "inspection",
    "saving",
    "precision",
    "process",
)
"""The names of the checks, in the order in which they begin."""

EVENT_SHAPES = ((4,), (4, 4, 3))
PAIRS = ((2,), (2, 1, 1), (1, 1, 2))
SINGLES = ((1,), (1, 1, 1))

MANY_ROWS = 500
SAME_PARAMETERS = 3
TOLERANCE = 0.01
MANY_TIMES = 8
"""How many times larger an example has to be for the growth of its error to tell."""


def check_likelihood(
    likelihood: Any, *, event_shape: tuple[int, ...] | None = None, **options: Any
) -> None:
    """Check a likelihood against the whole contract of `hiervae.likelihoods.Likelihood`.

    For vectors and images, of which it may refuse some with a ValueError at build: `signature`
    (methods take the arguments of the base class), `config` (get_config() is complete and JSON),
    `live_options` (options of the constructor, whose new value is in get_config()), `state`,
    `log_prob`, `mean`, `sample` and `reconstruction_error` (shapes, float32, no row depends on
    another; the error is not negative, smaller for draws of p(x | z) than for those of other z, and
    summed over the event in the unit of -log p(x | z)), `joint` (log_prob_and_error gives the
    same), `log_prob_of_draws` (where it is overridden: log_prob of the examples repeated), `values`
    (its own draws are accepted, values outside `value_range` are refused), `seeds`, `extremes`,
    `precision`, `traced` (all methods run on tensors without values), `memory` (nothing is kept of
    a call), `process` (the config means the same in another process). With one and with two values
    an example: `normalisation` (exp(log_prob) sums or integrates to 1), `tails` (the log-density
    falls further out where the support has no end), `support` (a value between two that are drawn
    has no probability and is refused, or belongs to one of the two), `sampling` (draws are
    distributed as it says) and `moments` (their mean is `mean`, unless `mean_is_exact` is False).
    Composed into a model: `fit`, `gradients`, `inspection` and `saving`.

    Args:
        likelihood: a name, a config, a class or an instance; an instance is not changed.
        event_shape: the only shape of examples to try, instead of several.
        **options: constructor arguments beside a name, a config or a class.

    Raises:
        ConformanceError: if a check fails; `check` names it.
        RegistryError: if the name stands for no likelihood, or for several.
        IncompatiblePluginError: if the class is abstract, no likelihood, or of another interface.
        ValueError: if the likelihood refuses an option.

    Example:
        >>> check_likelihood("gaussian", variance="learned")
    """
    subject = Subject("hiervae.likelihoods", Likelihood, likelihood, options)
    shapes = EVENT_SHAPES if event_shape is None else (event_shape,)
    with subject.scope():
        models = accepted_models(subject, [_setting(subject, shape) for shape in shapes])
        last = models[-1]
        for model in models:
            with step():
                check_values(subject, model)
        pairs, singles = ([_setting(subject, shape) for shape in few] for few in (PAIRS, SINGLES))
        pair = accepted_models(subject, pairs)[0]
        # A single value may be refused, as by a density of counts and their sum.
        single = accepted_models(subject, singles, [_setting(subject, pair.event_shape or ())])[0]
        for model in {each.event_shape: each for each in (single, pair)}.values():
            with step():
                check_density(subject, model, moved=model is pair)
        with step():
            check_error(subject, pair, last)
        with step():
            check_calls(subject, last)
        with step():
            examples = last.sample(24, seed=3)
            model = small_model(**_setting(subject, examples.shape[1:]))
            check_composition(subject, model, examples)
        with step():
            check_precision(subject, last)
        check_process(subject)


def check_calls(subject: Subject, model: HierarchicalVAE) -> None:
    """Check the methods of a built likelihood when they are traced and when called often."""
    likelihood, inputs = model.likelihood, features(model)
    values = numpy(likelihood.sample(likelihood(tensor(inputs)), seed=generator()))

    def use(seed: Any, hidden: Any, value: Any) -> None:
        parameters = likelihood(hidden, training=True)
        likelihood.log_prob_and_error(value, parameters)
        if has_draws_of_its_own(likelihood):
            likelihood.log_prob_of_draws(value, parameters, 1)
        likelihood.mean(parameters)
        if not draws_in_steps(likelihood):
            likelihood.sample(parameters, seed=seed)

    check_traced(subject, "call() and the methods", use, inputs, values)
    check_memory(subject, lambda: use(generator(), tensor(inputs), tensor(values)), likelihood)


def _setting(subject: Subject, event_shape: tuple[int, ...]) -> dict[str, Any]:
    return {"event_shape": event_shape, "likelihood": subject.fresh()}


def check_values(subject: Subject, model: HierarchicalVAE) -> None:
    """Check what a built likelihood returns."""
    likelihood = model.likelihood
    with without_new_state(subject, likelihood, "use"):
        values = _check_draws_and_mean(subject, model)
        _check_log_prob(subject, model, values)
    _check_range(subject, likelihood, values)


def _check_draws_and_mean(subject: Subject, model: HierarchicalVAE) -> Array:
    """Check `sample` and `mean`, and return draws."""
    likelihood = model.likelihood
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
    return values


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
    check_shortcuts(subject, model, values)
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


def check_precision(subject: Subject, single: HierarchicalVAE) -> None:
    """Check that log-densities stay in float32 under a half-precision policy.

    Args:
        subject: the likelihood.
        single: a built model with the likelihood in single precision.
    """
    event_shape = single.event_shape or ()
    with subject.check("precision", FIX, fix_suits_exceptions=True) as check:
        model = small_model(event_shape, likelihood=subject.fresh(HALF), dtype=HALF)
        parameters = model.likelihood(tensor(features(model)))
        draws = model.likelihood.sample(parameters, seed=generator())
        check.require_array("sample", draws, (ROWS, *event_shape))
        for name in ("log_prob", "reconstruction_error"):
            result = getattr(model.likelihood, name)(draws, parameters)
            check.require_array(f"{name} under mixed_float16", result, (ROWS,))
        if has_draws_of_its_own(model.likelihood):
            result = model.likelihood.log_prob_of_draws(draws, parameters, 1)
            check.require_array("log_prob_of_draws under mixed_float16", result, (ROWS,))
        mean = model.likelihood.mean(parameters)
        check.require_array("mean under mixed_float16", mean, (ROWS, *event_shape))
        parameters = single.likelihood(tensor(features(single)))
        copy_weights(single.likelihood, model.likelihood)
        half, full = (
            numpy(each.likelihood.reconstruction_error(draws, parameters))
            for each in (model, single)
        )
        check.require_close("reconstruction_error under mixed_float16", half, full)
        likelihood = model.likelihood

        def use() -> dict[str, Any]:
            return {
                "log_prob": likelihood.log_prob(draws, parameters),
                "reconstruction_error": likelihood.reconstruction_error(draws, parameters),
                "mean": likelihood.mean(parameters),
            }

        check_in_model(check, likelihood.trainable_variables, use)


def check_error(subject: Subject, model: HierarchicalVAE, larger: HierarchicalVAE) -> None:
    """Check that the error tells likely values from unlikely ones, in the unit of -log p(x | z).

    Whatever scores a density so that the true one scores best on average, as -log p(x | z) and the
    squared error from the mean do, is smaller on average for draws of p(x | z) than for the draws
    that belong to other z. Where the error is -log p(x | z) up to a factor and a term without x,
    the factor has to be 1; it shows as one slope for all parameters and weights. Of another error
    the unit is free, but it has to grow with the size of the event.

    Args:
        subject: the likelihood.
        model: a built model of two values an example.
        larger: one of more values, or of as many.
    """
    likelihood = model.likelihood
    inputs = features(model, MANY_ROWS)
    own, others, slopes = [], [], []
    for _ in settings(likelihood.trainable_variables):
        parameters = likelihood(tensor(inputs))
        draws = numpy(likelihood.sample(parameters, seed=generator()))
        error = likelihood.reconstruction_error
        own.append(numpy(error(tensor(draws), parameters)))
        others.append(numpy(error(tensor(np.roll(draws, 1, axis=0)), parameters)))
        for row in inputs[:SAME_PARAMETERS]:
            same = likelihood(tensor(np.repeat(row[None], MANY_ROWS, axis=0)))
            log_prob = numpy(likelihood.log_prob(tensor(draws), same))
            slopes.append(_slope(-log_prob, numpy(error(tensor(draws), same))))
    fix = "Return a term of -log p(x | z), or all of it: smallest where x is most probable."
    with subject.check("reconstruction_error", fix) as check:
        near, far = np.concatenate(own, dtype="float64"), np.concatenate(others, dtype="float64")
        is_constant = (near == near[0]).all() and (far == near[0]).all()
        check.require(not is_constant, f"the error {abs(near[0]):g} for all x and z", "a distance")
        check.require(
            far.mean() - near.mean() > 1e-4 * near.std(),
            f"a mean error of {near.mean():.4f} for draws of p(x | z), beside {far.mean():.4f} for "
            "draws that belong to other z",
            "a smaller error for the draws of p(x | z) itself",
        )
    fix = "Sum over the event's axes, in nats, without another factor."
    with subject.check("reconstruction_error", fix) as check:
        factor = slopes[0]
        is_one_factor = np.allclose(slopes, factor, rtol=TOLERANCE, atol=0.0)
        check.require(
            not is_one_factor or abs(factor - 1.0) <= TOLERANCE,
            f"an error that grows with x by {factor:.4g} times what -log p(x | z) does",
            "the same growth: the term of -log p(x | z) that depends on x",
        )
    growth = larger.num_dimensions / model.num_dimensions
    if not is_one_factor and growth >= MANY_TIMES:
        _check_growth(subject, model, larger, growth)


def _check_growth(
    subject: Subject, small: HierarchicalVAE, large: HierarchicalVAE, growth: float
) -> None:
    fix = "Sum over the event's axes; do not average."
    with subject.check("reconstruction_error", fix) as check:
        first, second = (float(_errors(model).mean()) for model in (small, large))
        check.require(
            second > math.sqrt(growth) * first,
            f"a mean error of {first:.4g} for {small.num_dimensions} values an example and of "
            f"{second:.4g} for {large.num_dimensions}",
            f"about {growth:g} times as much",
        )


def _errors(model: HierarchicalVAE) -> Array:
    parameters = model.likelihood(tensor(features(model)))
    draws = model.likelihood.sample(parameters, seed=generator())
    return numpy(model.likelihood.reconstruction_error(draws, parameters))


def _slope(surprisal: Array, error: Array) -> float:
    """The factor s of error = s * surprisal + constant, NaN where they are not so related."""
    if not np.isfinite(surprisal).all():
        return math.nan
    centred, deviation = (
        each.astype("float64") - each.mean(dtype="float64") for each in (surprisal, error)
    )
    slope = float((centred * deviation).mean() / max((centred**2).mean(), 1e-12))
    residual = np.abs(deviation - slope * centred).max()
    return slope if residual <= 1e-3 * np.ptp(error) else math.nan
