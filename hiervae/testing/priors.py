"""Conformance of a prior."""

from __future__ import annotations

from typing import Any

from hiervae.priors.base import Prior
from hiervae.testing import prior_density, prior_values
from hiervae.testing.composition import check_composition
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import (
    EVENT_SHAPE,
    accepted_models,
    binary_examples,
    small_model,
)


def check_prior(prior: Any, *, event_shape: tuple[int, ...] = EVENT_SHAPE, **options: Any) -> None:
    """Check a prior against the whole contract of `hiervae.priors.Prior`.

    By itself, in one and two dimensions, of which it may refuse one with a ValueError at build:
    `signature` (methods take the arguments of the base class), `config` (get_config() is complete,
    JSON, and survives a round trip), `state` (all of it is created in build), `log_prob` and
    `sample` (shapes, float32, no row depends on another), `pseudo_inputs`, `extremes` (finite
    log-densities far out), `seeds` (the seed alone decides the draws), `exactness` (an exact
    density depends neither on the seed nor on `training`), `closed_form`, `normalisation` (the
    density integrates to 1), `sampling` (draws are distributed as the density says), `precision`
    (float32 under half precision). Composed into a model: `fit`, `gradients` (every trainable
    weight learns), `inspection` (evaluate, encode, decode, sample) and `saving`.

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
        for model in models:
            prior_values.check_log_prob_and_sample(subject, model)
        largest = models[-1]
        prior_values.check_properties(subject, largest)
        prior_density.check_density(subject, largest)
        prior_values.check_precision(subject, event_shape, largest.prior_dim)
        model = small_model(**_setting(subject, event_shape, largest.prior_dim))
        check_composition(subject, model, binary_examples(24, event_shape))


def _setting(subject: Subject, event_shape: tuple[int, ...], dim: int) -> dict[str, Any]:
    return {"event_shape": event_shape, "prior": subject.fresh(), "latent_dims": (dim,)}
