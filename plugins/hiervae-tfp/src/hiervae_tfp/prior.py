"""A distribution of TensorFlow Probability as a prior."""

from __future__ import annotations

from typing import Any

from hiervae.distributions import DiagonalNormal
from hiervae.priors import Prior
from hiervae.types import Config, Tensor
from keras import ops

from hiervae_tfp.library import seed_words, tensorflow
from hiervae_tfp.recipes import recipe_of

KERAS_OPTIONS = ("name", "dtype", "trainable")


class TFPPrior(Prior):
    """p(z) is a distribution of TensorFlow Probability over vectors of the latent's size.

    Everything is float32, whatever the dtype policy. Variables of TensorFlow Probability are
    weights of this layer.

    Args:
        distribution: what it is: a shorthand such as "real_nvp"; the name of a class in
            `tfp.distributions`; a config {"tfd": name, ...}; a function of the latent's size that
            returns the distribution and is registered with Keras; or {"function": name} of one.
        **kwargs: options of the shorthand or function, or arguments of the class, in JSON's types;
            and `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ValueError: if Keras runs on another backend than TensorFlow, or the config is wrong.
    """

    def __init__(self, distribution: Any, **kwargs: Any) -> None:
        super().__init__(**{key: kwargs.pop(key) for key in KERAS_OPTIONS if key in kwargs})
        self._recipe = recipe_of(distribution, kwargs)

    @property
    def is_exact(self) -> bool:
        """True."""
        return True

    def build(self, input_shape: Any) -> None:
        """Create the weights for z of shape (n, prior_dim).

        Raises:
            ValueError: if the distribution is none of vectors of this size.
        """
        self.networks = self._recipe.build(self, int(input_shape[-1]))

    def to_tfp(self) -> Any:
        """Return the distribution with the weights as they are now, one of `tfp.distributions`."""
        return self._recipe.distribution()

    def log_prob(
        self,
        latent: Tensor,
        components: DiagonalNormal | None = None,
        seed: Any = None,
        training: bool = False,
    ) -> Tensor:
        """Log-density in nats, shape (n,), for z of shape (n, prior_dim)."""
        # A tensor of its own, since bijectors remember what they made of one with other weights.
        return self.to_tfp().log_prob(tensorflow().identity(ops.cast(latent, "float32")))

    def sample(
        self, num_samples: int, components: DiagonalNormal | None = None, seed: Any = None
    ) -> Tensor:
        """Draws of z, shape (num_samples, prior_dim)."""
        return tensorflow().identity(self.to_tfp().sample(num_samples, seed=seed_words(seed)))

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), **self._recipe.config}
