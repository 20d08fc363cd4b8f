"""Conformance of a prior."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.model import HierarchicalVAE
from hiervae.priors.base import Prior, fixed_normal, has_training_density
from hiervae.random import inject_noise
from hiervae.testing.behaviour import check_memory, check_tails, check_traced, copy_weights
from hiervae.testing.check import Array
from hiervae.testing.composition import check_composition
from hiervae.testing.density import check_comparison, compare
from hiervae.testing.mixtures import check_mixture, check_sample_component, has_components
from hiervae.testing.outcomes import step
from hiervae.testing.precision import FIX, check_in_model
from hiervae.testing.process import check_process
from hiervae.testing.subject import Subject
from hiervae.testing.training import check_training_density
from hiervae.testing.workbench import (
    AS_BUILT,
    EVENT_SHAPE,
    HALF,
    ROWS,
    accepted_models,
    binary_examples,
    check_seeds,
    generator,
    normal_array,
    numpy,
    settings,
    small_model,
    tensor,
    without_new_state,
)

FAR = (0.0, 1e-6, 30.0, -1e3, 1e4, -1e4)
EXACT_DRAWS, ESTIMATED_DRAWS = 20_000, 4_000

CHECKS = (
    "signature",
    "config",
    "live_options",
    "build",
    "state",
    "pseudo_inputs",
    "log_prob",
    "order",
    "sample",
    "seeds",
    "sample_component",
    "exactness",
    "closed_form",
    "extremes",
    "normalisation",
    "sampling",
    "tails",
    "log_prob_in_training",
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

NORMALISE = (
    "Normalise log_prob(): all constants, such as log(2 pi) / 2 for each dimension, and the "
    "log-determinant of every map."
)
NORMALISE_MIXTURE = (
    "Normalise: log-sum-exp over components after summing over dimensions, minus log K."
)
AGREE = "Look at sample() first: let it draw from the density that log_prob() evaluates."


def check_prior(prior: Any, *, event_shape: tuple[int, ...] = EVENT_SHAPE, **options: Any) -> None:
    """Check a prior against the whole contract of `hiervae.priors.Prior`.

    By itself, in one and two dimensions, of which it may refuse one with a ValueError at build:
    `signature` (methods take the arguments of the base class), `config` (get_config() is complete,
    JSON, and survives a round trip), `live_options` (options of the constructor, whose new value is
    in get_config()), `state` (all of it is created in build), `log_prob` and `sample` (shapes,
    float32, no row depends on another), `pseudo_inputs`, `extremes` (finite log-densities far out),
    `seeds` (the seed alone decides the draws), `exactness` (an exact density depends neither on the
    seed nor on `training`), `closed_form`, `normalisation` (the density integrates to 1),
    `sampling` (draws are distributed as the density says), `sample_component` (where it is
    overridden: draws of the components make up those of the whole), `log_prob_in_training` (where
    it is overridden: one number a row, whatever the order, and a density that integrates to 1 at
    most), `precision` (float32 under half precision, and the same density, inside the model too),
    `order` (a row's density depends neither on its place nor on the number of rows), `tails` (an
    exact log-density falls further out), `traced` (both methods run on tensors without values),
    `memory` (nothing is kept of a call), `process` (the config means the same in another process).
    Composed into a model: `fit`, `gradients` (every trainable weight learns), `inspection`
    (evaluate, encode, decode, sample) and `saving`.

    Args:
        prior: a name, a config, a class or an instance; an instance is not changed.
        event_shape: shape of an example, for priors whose pseudo-inputs are examples.
        **options: constructor arguments beside a name, a config or a class.

    Raises:
        ConformanceError: if a check fails; `check` names it.
        RegistryError: if the name stands for no prior, or for several.
        IncompatiblePluginError: if the class is abstract, no prior, or of another interface.
        ValueError: if the prior refuses an option.

    Example:
        >>> check_prior("standard_normal")
    """
    subject = Subject("hiervae.priors", Prior, prior, options)
    with subject.scope():
        models = accepted_models(subject, [_setting(subject, event_shape, dim) for dim in (1, 2)])
        largest = models[-1]
        for model in models:
            with step():
                check_log_prob_and_sample(subject, model)
        with step():
            check_properties(subject, largest)
        for model in models:
            with step():
                check_density(subject, model, moved=model is largest)
        with step():
            check_training_density(subject, largest, check_pseudo_inputs(subject, largest))
        with step():
            check_calls(subject, largest)
        with step():
            model = small_model(**_setting(subject, event_shape, largest.prior_dim))
            number = max(24, model.prior.num_examples_wanted)
            check_composition(subject, model, binary_examples(number, event_shape))
        with step():
            check_precision(subject, event_shape, largest)
        check_process(subject)


def _setting(subject: Subject, event_shape: tuple[int, ...], dim: int) -> dict[str, Any]:
    return {"event_shape": event_shape, "prior": subject.fresh(), "latent_dims": (dim,)}


def check_log_prob_and_sample(subject: Subject, model: HierarchicalVAE) -> None:
    """Check what the two methods of a built prior return, and that they create no state."""
    prior, dim = model.prior, model.prior_dim
    with without_new_state(subject, prior, "log_prob and sample"):
        components = check_pseudo_inputs(subject, model)
        _check_log_prob(subject, prior, normal_array(ROWS, dim), components)
        _check_order(subject, prior, normal_array(ROWS, dim), components)
        _check_sample(subject, prior, dim, components)
        check_sample_component(subject, model, components)


def check_properties(subject: Subject, model: HierarchicalVAE) -> None:
    """Check log-densities far out, `is_exact` and `distribution()` of a built prior."""
    prior, dim = model.prior, model.prior_dim
    components = check_pseudo_inputs(subject, model)
    latent = normal_array(ROWS, dim)
    _check_exactness(subject, prior, latent, components)
    _check_closed_form(subject, prior, latent)
    with subject.check("extremes", "Bound what is exponentiated; work with logarithms.") as check:
        far = np.repeat(np.array(FAR, dtype="float32")[:, None], dim, axis=1)
        values = prior.log_prob(tensor(far), components, seed=generator())
        array = check.require_array("log_prob far out", values, (len(FAR),))
        at = far[~np.isfinite(array), 0]
        check.require(not at.size, f"log_prob that is not finite at z = {at}", "finite numbers")


def check_pseudo_inputs(subject: Subject, model: HierarchicalVAE) -> DiagonalNormal | None:
    """Check the prior's pseudo-inputs, if any, and return their posteriors."""
    inputs = model.prior.pseudo_inputs
    if inputs is None:
        return None
    with subject.check("pseudo_inputs", "Return (K, *event_shape) in the data's range.") as check:
        shape = (inputs.shape[0], *(model.event_shape or ()))
        array = check.require_array("pseudo_inputs", inputs, shape)
        low, high = model.likelihood.value_range
        low, high = (-np.inf if low is None else low), (np.inf if high is None else high)
        check.require(
            ((array >= low) & (array <= high)).all(),
            f"pseudo-inputs from {array.min():g} to {array.max():g}",
            f"values from {low} to {high}, the range in `context.value_range`",
        )
    return model.inference.encode_components(inputs, seed=generator())


def _check_log_prob(subject: Subject, prior: Any, latent: Array, components: Any) -> None:
    fix = "Sum over the last axis alone, never over rows: (n, prior_dim) gives (n,)."
    with subject.check("log_prob", fix) as check:
        values = prior.log_prob(tensor(latent), components, seed=generator())
        before = check.require_array("log_prob", values, (ROWS,))
        changed = latent.copy()
        changed[: ROWS // 2] += 1.0
        values = prior.log_prob(tensor(changed), components, seed=generator())
        kept = slice(ROWS // 2, None)
        check.require_close(
            "log_prob of a row after another row has changed", numpy(values)[kept], before[kept]
        )


def _check_order(subject: Subject, prior: Any, latent: Array, components: Any) -> None:
    fix = "Let a row's density depend on that row alone, not on its place or on how many there are."
    with (
        subject.check("order", fix) as check,
        # One noise for all rows of an estimate, so that their order makes no difference.
        inject_noise(lambda _, shape: np.full(shape, 0.25, dtype="float32")),
    ):
        values, backwards, few = (
            numpy(prior.log_prob(tensor(rows), components, seed=generator()))
            for rows in (latent, latent[::-1].copy(), latent[: ROWS // 2])
        )
        check.require_close("log_prob of the rows in another order", backwards[::-1], values)
        check.require_close("log_prob of the first rows alone", few, values[: ROWS // 2])


def _check_sample(subject: Subject, prior: Any, dim: int, components: Any) -> None:
    with subject.check("sample", "Return draws of shape (num_samples, prior_dim).") as check:
        first = prior.sample(ROWS, components, seed=generator())
        array = check.require_array("sample", first, (ROWS, dim))
        check.require(np.isfinite(array).all(), "draws that are not finite", "finite numbers")
    with subject.check("seeds", "Draw all randomness from the `seed` that is passed.") as check:
        check_seeds(check, lambda seed: [numpy(prior.sample(ROWS, components, seed=seed))])


def _check_exactness(subject: Subject, prior: Any, latent: Array, components: Any) -> None:
    fix = "Let is_exact be False for a density that is estimated by sampling."
    with subject.check("exactness", fix) as check:
        check.require(
            isinstance(prior.is_exact, bool), f"is_exact = {prior.is_exact!r}", "True or False"
        )
        first, again, other = (
            numpy(prior.log_prob(tensor(latent), components, seed=generator(seed)))
            for seed in (1, 1, 2)
        )
        check.require(
            (first == again).all(), "two values of log_prob from the same seed", "the same values"
        )
        check.require(
            not prior.is_exact or (first == other).all(),
            "a log_prob that depends on the seed, beside is_exact = True",
            "is_exact = False, since an estimate is not a density",
        )
    fix = "Evaluate one density whatever `training` says, or let is_exact be False."
    with subject.check("exactness", fix) as check:
        if prior.is_exact:
            values = prior.log_prob(tensor(latent), components, seed=generator(), training=True)
            check.require_close(
                "log_prob with training=True, beside is_exact = True,", numpy(values), first
            )


def _check_closed_form(subject: Subject, prior: Any, latent: Array) -> None:
    normal = fixed_normal(prior)
    if normal is None:
        return
    fix = "Let distribution() be the normal that log_prob evaluates, or return None."
    with subject.check("closed_form", fix) as check:
        shape = (1, latent.shape[-1])
        check.require_array("distribution().mean", normal.mean, shape)
        check.require_array("distribution().log_variance", normal.log_variance, shape)
        check.require_close(
            "log_prob beside distribution()",
            numpy(prior.log_prob(tensor(latent), seed=generator())),
            numpy(normal.log_prob(tensor(latent))),
        )


def check_calls(subject: Subject, model: HierarchicalVAE) -> None:
    """Check the methods of a built prior when they are traced and when they are called often."""
    prior, latent = model.prior, normal_array(ROWS, model.prior_dim)
    components = check_pseudo_inputs(subject, model)
    if components is not None:  # without what they were computed from
        arrays = (components.mean, components.log_variance)
        components = DiagonalNormal(*(tensor(numpy(array)) for array in arrays))

    scheme, names = model.inference, ["log_prob()", "sample()"]
    names += ["sample_component()"] * has_components(prior)
    names += ["log_prob_in_training()"] * has_training_density(prior)

    def use(seed: Any, values: Any, examples: Any) -> None:
        prior.log_prob(values, components, seed=seed, training=True)
        prior.sample(ROWS, components, seed=seed)
        if has_components(prior):
            prior.sample_component(0, ROWS, components, seed=seed)
        if has_training_density(prior):
            encode = partial(scheme.encode_components, seed=seed)
            prior.log_prob_in_training(values, examples, encode, components, seed=seed)

    inputs = binary_examples(ROWS, model.event_shape or ())
    check_traced(subject, " and ".join(names), use, latent, inputs)
    with keras.StatelessScope():  # weights that are assigned to in training may not change
        check_memory(subject, lambda: use(generator(), tensor(latent), tensor(inputs)), prior)


def check_precision(
    subject: Subject, event_shape: tuple[int, ...], single: HierarchicalVAE
) -> None:
    """Check that log-densities stay in float32 under a half-precision policy.

    Args:
        subject: the prior.
        event_shape: shape of an example.
        single: a built model with the prior in single precision.
    """
    dim = single.prior_dim
    with subject.check("precision", FIX, fix_suits_exceptions=True) as check:
        model = small_model(event_shape, prior=subject.fresh(HALF), latent_dims=(dim,), dtype=HALF)
        prior, latent = model.prior, tensor(normal_array(ROWS, dim))
        components = check_pseudo_inputs(subject, model)
        values = prior.log_prob(latent, components, seed=generator())
        check.require_array("log_prob under mixed_float16", values, (ROWS,))
        draws = prior.sample(ROWS, components, seed=generator())
        check.require_array("sample under mixed_float16", draws, (ROWS, dim))
        check.require(bool(ops.all(ops.isfinite(draws))), "draws not finite", "finite numbers")
        if prior.is_exact:
            components = check_pseudo_inputs(subject, single)
            copy_weights(single.prior, prior)
            half, full = (
                numpy(each.log_prob(latent, components, seed=generator()))
                for each in (prior, single.prior)
            )
            check.require_close("log_prob under mixed_float16", half, full)
        components = check_pseudo_inputs(subject, model)

        def use() -> dict[str, Any]:
            seed, inputs = generator(), prior.pseudo_inputs
            return {
                "log_prob": prior.log_prob(latent, components, seed=seed),
                "sample": prior.sample(ROWS, components, seed=seed),
                **({} if inputs is None else {"pseudo_inputs": inputs}),
            }

        check_in_model(check, prior.trainable_variables, use)


def check_density(subject: Subject, model: HierarchicalVAE, moved: bool = True) -> None:
    """Check normalisation and draws in one or two dimensions, with weights as built and `moved`.

    A setting in which the density is too rough for the comparison is passed over.
    """
    prior = model.prior
    weights = list(prior.trainable_variables)
    if prior.pseudo_inputs is not None:
        weights += model.inference.trainable_variables
    draws = EXACT_DRAWS if prior.is_exact else ESTIMATED_DRAWS
    normalise = NORMALISE_MIXTURE if is_mixture(prior) else NORMALISE
    for setting in settings(weights if moved else []):
        components = check_pseudo_inputs(subject, model)

        def log_prob(points: Array, components: Any = components) -> Array:
            return numpy(prior.log_prob(tensor(points), components, seed=generator(5)))

        sample = numpy(prior.sample(draws, components, seed=generator(6))).astype("float64")
        check_mixture(subject, prior, components, sample, setting)
        with np.errstate(over="ignore"):
            result = compare(log_prob, sample)
        with np.errstate(over="ignore"):
            check_comparison(subject, result, setting, normalise, AGREE, log_prob)
        if setting == AS_BUILT and prior.is_exact:
            check_tails(subject, log_prob, sample)


def is_mixture(prior: Prior) -> bool:
    """Return whether a prior is a mixture, as far as its methods, name and options tell."""
    names = [type(prior).__name__, *prior.get_config()]
    return (
        type(prior).check_component is not Prior.check_component
        or prior.pseudo_inputs is not None
        or any("mixture" in name.lower() or "component" in name.lower() for name in names)
    )
