"""Conformance of an inference scheme."""

from __future__ import annotations

from typing import Any

from hiervae.inference.base import InferenceScheme
from hiervae.testing import inference_bound, inference_draws, inference_generation, inference_levels
from hiervae.testing.composition import check_composition
from hiervae.testing.perturbation import standardize
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import EVENT_SHAPE, accepted_models, binary_examples, small_model

LATENT_DIMS = ((3,), (3, 2), (2, 3, 2))


def check_inference(
    inference: Any, *, event_shape: tuple[int, ...] = EVENT_SHAPE, **options: Any
) -> None:
    """Check a scheme against the whole contract of `hiervae.inference.InferenceScheme`.

    With one and with three levels (or what it accepts of one to three): `signature` (methods take
    the arguments of the base class), `config` (get_config() is complete, JSON, and survives a round
    trip), `levels` (their number, shapes, types and conditional priors), `features` (those of
    decode), `draws` (latents are draws of the posteriors, or their means), `folding` (sample-major,
    no row depends on another), `seeds`, `components` (posteriors of pseudo-inputs, drawn or not as
    the scheme says), `generate`, `conditional_prior` (the one that generate draws from and that the
    method of this name gives), `kl` (the closed form has the mean of log q - log p, so that
    `top_down` is right), `extremes`, `precision`. Composed into a model: `fit`, `gradients`,
    `inspection` and `saving`.

    Args:
        inference: a name, a config, a class or an instance; an instance is not changed.
        event_shape: shape of an example.
        **options: constructor arguments beside a name, a config or a class.

    Raises:
        ConformanceError: if a check fails; `check` names it.
        RegistryError: if the name stands for no scheme, or for several.
        IncompatiblePluginError: if the class is abstract, no scheme, or of another interface.
        ValueError: if the scheme refuses an option.

    Example:
        >>> check_inference("bottom_up")
    """
    subject = Subject("hiervae.inference", InferenceScheme, inference, options)
    with subject.scope():
        settings = [
            {"event_shape": event_shape, "inference": subject.fresh(), "latent_dims": dims}
            for dims in LATENT_DIMS
        ]
        models = accepted_models(subject, settings)
        for model in models:
            standardize(model.inference.trainable_variables)
        for model in dict.fromkeys((models[0], models[-1])):
            inference_levels.check_levels(subject, model)
            inference_draws.check_draws(subject, model)
            inference_generation.check_components(subject, model)
            inference_generation.check_generate(subject, model)
        inference_generation.check_conditional_prior(subject, models[-1])
        middle = models[len(models) // 2]
        inference_bound.check_kl(subject, middle)
        inference_levels.check_precision(subject, middle.latent_dims, event_shape)
        model = small_model(event_shape, inference=subject.fresh(), latent_dims=middle.latent_dims)
        check_composition(subject, model, binary_examples(24, event_shape))
