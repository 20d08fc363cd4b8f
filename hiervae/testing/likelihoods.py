"""Conformance of a likelihood."""

from __future__ import annotations

from typing import Any

from hiervae.likelihoods.base import Likelihood
from hiervae.testing import likelihood_density, likelihood_error, likelihood_values
from hiervae.testing.composition import check_composition
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import accepted_models, small_model

EVENT_SHAPES = ((4,), (4, 4, 3))
PAIRS = ((2,), (2, 1, 1), (1, 1, 2))


def check_likelihood(
    likelihood: Any, *, event_shape: tuple[int, ...] | None = None, **options: Any
) -> None:
    """Check a likelihood against the whole contract of `hiervae.likelihoods.Likelihood`.

    For vectors and images, of which it may refuse some with a ValueError at build: `signature`
    (methods take the arguments of the base class), `config` (get_config() is complete and JSON),
    `state`, `log_prob`, `mean`, `sample` and `reconstruction_error` (shapes, float32, no row
    depends on another; the error is not negative, smaller for draws of p(x | z) than for those of
    other z, and summed over the event in the unit of -log p(x | z)), `joint` (log_prob_and_error
    gives the same), `values` (its own draws are accepted, values outside `value_range` are
    refused), `seeds`, `extremes`, `precision`. With two values an example: `normalisation`
    (exp(log_prob) sums or integrates to 1), `sampling` (draws are distributed as it says) and
    `moments` (their mean is `mean`, unless `mean_is_exact` is False). Composed into a model: `fit`,
    `gradients`, `inspection` and `saving`.

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
        for model in models:
            likelihood_values.check_values(subject, model)
        pairs = accepted_models(subject, [_setting(subject, shape) for shape in PAIRS])
        likelihood_density.check_density(subject, pairs[0])
        last = models[-1]
        likelihood_error.check_error(subject, pairs[0], last)
        likelihood_values.check_precision(subject, last.event_shape or ())
        examples = last.sample(24, seed=3)
        check_composition(subject, small_model(**_setting(subject, examples.shape[1:])), examples)


def _setting(subject: Subject, event_shape: tuple[int, ...]) -> dict[str, Any]:
    return {"event_shape": event_shape, "likelihood": subject.fresh()}
