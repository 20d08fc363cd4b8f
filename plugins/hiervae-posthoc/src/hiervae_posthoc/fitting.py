"""A trained model with another prior, fitted to its encoded training data."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from hiervae import HierarchicalVAE, registry
from hiervae.options import check_bool, check_positive_int, check_positive_number
from hiervae.priors import Prior
from hiervae.types import Tensor
from numpy.typing import NDArray

KEPT = ("inference", "likelihood")


def fit_prior(
    model: HierarchicalVAE,
    x: Any,
    prior: Any = "posthoc_mixture",
    *,
    sample: bool = True,
    epochs: int = 50,
    batch_size: int = 100,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> HierarchicalVAE:
    """Return a copy of a trained model whose prior is fitted to the aggregate posterior.

    Encoder, decoder and likelihood are those of `model`, which is not changed. The prior maximises
    the mean of log p(z) over z ~ q(z | x) of the training examples, which is what is left of the
    ELBO when everything but the prior is held (Hoffman & Johnson 2016). A prior that has a method
    `fit_latents(latents, seed)` is fitted by it, any other one by Adam. One that wants examples
    (`num_examples_wanted`), such as "exemplar", first adapts to as many of `x`, and encodes what it
    keeps of them where it has a method `refresh(encode)`.

    Args:
        model: a built model.
        x: training examples, shape (n, *event_shape).
        prior: a name, a config, a class or an instance, such as "posthoc_mixture" or "maf".
        sample: encode to draws of the posteriors; False takes their means.
        epochs: passes over the examples; with Adam only, and so are the next two.
        batch_size: latents a step.
        learning_rate: of Adam.
        seed: of the draws, of their order and of the fit.

    Returns:
        A model that samples, scores, saves and loads as any other one.

    Raises:
        ValueError: if an option is wrong, or the prior has no weights to fit, or components that
            are posteriors, which the encoder gives and no fit.
        DataError: if the examples do not suit the model.
    """
    check_bool("sample", sample)
    check_positive_int("epochs", epochs)
    check_positive_int("batch_size", batch_size)
    check_positive_number("learning_rate", learning_rate)
    latents = model.governed_latent(model.encode(x, sample=sample, seed=seed))
    copy = _with_prior(model, prior)
    if copy.prior.pseudo_inputs is not None:
        raise ValueError(
            f"{type(copy.prior).__name__} is a mixture of posteriors of pseudo-inputs, which the "
            "encoder gives; expected a prior of its own weights, such as 'posthoc_mixture', "
            "'mixture_of_gaussians' or 'maf'. Train a model with it instead."
        )
    _adapt(copy, x, seed)
    if not model.needs_adapting():
        copy.control.adapted.assign(1)  # or `fit` would start the parts anew that are learned
    if hasattr(copy.prior, "fit_latents"):
        copy.prior.fit_latents(latents, seed)
    else:
        _climb(copy, latents, epochs, batch_size, learning_rate, seed)
    return copy


def _with_prior(model: HierarchicalVAE, prior: Any) -> HierarchicalVAE:
    part = registry.create("hiervae.priors", prior, Prior)
    config = {**model.get_config(), "prior": registry.describe("hiervae.priors", part)}
    config.pop("frozen", None)
    copy = HierarchicalVAE.from_config(config)
    copy.build((None, *model.event_shape))
    for role in KEPT:
        getattr(copy, role).set_weights(getattr(model, role).get_weights())
    return copy


def _adapt(model: HierarchicalVAE, x: Any, seed: int) -> None:
    """Give the prior the examples that it wants."""
    prior = model.prior
    if prior.num_examples_wanted:
        examples = model.examples("x", x, require_support=not model.dynamic_binarisation)
        order = np.random.default_rng(seed).permutation(len(examples))
        prior.adapt(examples[order[: prior.num_examples_wanted]].astype("float32", copy=False))
        if hasattr(prior, "refresh"):
            prior.refresh(lambda kept: model.governed_latent(model.encode(kept)))


def _climb(
    model: HierarchicalVAE,
    latents: NDArray[Any],
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> None:
    """Maximise the mean log-density of latents (n, prior_dim) over the prior's weights."""
    if not model.prior.trainable_variables:
        raise ValueError(
            f"{type(model.prior).__name__} has no weights to fit; expected a prior that has, such "
            "as 'posthoc_mixture'."
        )
    model.prior.check_ready()
    inputs = keras.Input((latents.shape[1],), dtype="float32")
    density = keras.Model(inputs, _LogDensity(model.prior, seed)(inputs))
    density.compile(keras.optimizers.Adam(learning_rate), loss=_negative)
    order = np.random.default_rng(seed)
    targets = np.zeros((len(latents), 1), dtype="float32")
    for _ in range(epochs):
        density.fit(
            latents[order.permutation(len(latents))],
            targets,
            batch_size=batch_size,
            shuffle=False,
            verbose=0,
        )


def _negative(_: Tensor, log_density: Tensor) -> Tensor:
    return -log_density


class _LogDensity(keras.layers.Layer):
    """The prior's log-density as a layer from (n, d) to (n, 1)."""

    def __init__(self, prior: Prior, seed: int) -> None:
        super().__init__(dtype="float32")
        self.prior = prior
        self.seed = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, latent: Tensor) -> Tensor:
        return self.prior.log_prob(latent, seed=self.seed, training=True)[:, None]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], 1)
