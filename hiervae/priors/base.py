"""The base of all priors p(z)."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

from hiervae.distributions import DiagonalNormal
from hiervae.part import Part
from hiervae.types import Config, Tensor
from hiervae.utils.overrides import stands_for


class Prior(Part, abc.ABC):
    """The density of the latent vector that no other latent conditions.

    In a stacked structure that is z_L, in a flat one all levels concatenated; its size is
    `self.context.prior_dim`. Weights are created in `build(input_shape)`, which the model calls
    with (None, prior_dim) after `prepare(context)`.
    """

    @property
    @abc.abstractmethod
    def is_exact(self) -> bool:
        """Whether `log_prob` is the log-density itself; False for an estimate of it."""

    @abc.abstractmethod
    def log_prob(
        self,
        latent: Tensor,
        components: DiagonalNormal | None = None,
        seed: Any = None,
        training: bool = False,
    ) -> Tensor:
        """Log-density, or an estimate whose exponential is unbiased, in nats.

        Args:
            latent: z, shape (n, prior_dim), float32.
            components: the posteriors of `pseudo_inputs`, parameters (K, prior_dim), where the
                prior has any.
            seed: `keras.random.SeedGenerator` for a density that is estimated by sampling.
            training: whether the step that asks is a training step.

        Returns:
            Shape (n,), float32.
        """

    def log_prob_in_training(
        self,
        latent: Tensor,
        inputs: Tensor,
        encode: Callable[[Tensor], DiagonalNormal],
        components: DiagonalNormal | None = None,
        seed: Any = None,
    ) -> Tensor:
        """What a training step takes as log-density of latents drawn for examples.

        It is `log_prob`. A mixture over training examples leaves out the example itself, which
        only a prior that sees the examples can, and encodes those of its components that matter to
        the batch; it may assign to its weights, which are then those of the next step.

        Args:
            latent: z, shape (n, prior_dim), float32.
            inputs: the example that each z was drawn for, shape (n, *event_shape), float32.
            encode: from examples (m, *event_shape) to their posteriors, parameters (m, prior_dim).
            components: as in `log_prob`.
            seed: as in `log_prob`.

        Returns:
            Shape (n,), float32.
        """
        return self.log_prob(latent, components, seed=seed, training=True)

    @abc.abstractmethod
    def sample(
        self, num_samples: int, components: DiagonalNormal | None = None, seed: Any = None
    ) -> Tensor:
        """Draws of z, shape (num_samples, prior_dim); the other arguments as in `log_prob`."""

    def describe_estimate(self) -> Config:
        """Settings, outside training, of a density that is an estimate; empty where it is exact.

        Scores are reported with them, because they depend on them. The entries are in JSON's types;
        `prior_samples` is the number of samples that an estimate takes.
        """
        return {}

    @property
    def pseudo_inputs(self) -> Tensor | None:
        """Inputs (K, *event_shape) to encode together with the batch; None where there are none."""
        return None

    def check_component(self, index: Any) -> int:
        """`index` if it is that of a component that can be drawn from by itself.

        Raises:
            ValueError: if it is not, or, the default, if the prior has no components.
        """
        raise ValueError(self._no_components(index))

    def sample_component(
        self,
        index: Any,
        num_samples: int,
        components: DiagonalNormal | None = None,
        seed: Any = None,
    ) -> Tensor:
        """Draws of one component of a mixture, shape (num_samples, prior_dim).

        Args:
            index: number k of the component from 0, also a scalar tensor.
            num_samples: how many.
            components: as in `log_prob`.
            seed: `keras.random.SeedGenerator` of the draws.

        Raises:
            ValueError: the default, if the prior has no components.
        """
        raise ValueError(self._no_components(index))

    def _no_components(self, index: Any) -> str:
        return (
            f"component={index!r}: the prior {type(self).__name__} has no components to draw from; "
            "expected a mixture, such as 'vamp'. Leave `component` out."
        )

    def distribution(self) -> DiagonalNormal | None:
        """The prior as a diagonal normal with parameters (1, prior_dim), where it is one.

        The KL is then taken in closed form; None, the default, makes it a Monte Carlo estimate.
        """
        return None


def fixed_normal(prior: Prior) -> DiagonalNormal | None:
    """Return `prior.distribution()`; None where a subclass replaced `log_prob` alone.

    The normal that it inherits would be another density then.
    """
    return prior.distribution() if stands_for(prior, "distribution", "log_prob") else None


def has_training_density(prior: Prior) -> bool:
    """Whether a training step asks for `log_prob_in_training`.

    It does not where that is `log_prob`, nor where a subclass replaced `log_prob` alone: what it
    inherits in training would be another density then.
    """
    return stands_for(prior, "log_prob_in_training", "log_prob")
