"""Priors that are normalising flows of a standard normal."""

from __future__ import annotations

import abc
import math
from typing import Any

from hiervae import random
from hiervae.distributions import DiagonalNormal
from hiervae.options import check_choice, check_positive_int, check_positive_number
from hiervae.priors import Prior
from hiervae.types import Config, Tensor
from keras import ops

from hiervae_flows.flow import ORDERINGS, Flow
from hiervae_flows.options import check_hidden_units
from hiervae_flows.steps import CouplingStep, InverseStep, MaskedStep, Step

LOG_TWO_PI = math.log(2.0 * math.pi)


class FlowPrior(Prior, abc.ABC):
    """log p(z) = log N(u | 0, I) + log |det du/dz|, where u is z under invertible steps.

    Args:
        num_layers: number of steps.
        hidden_units: widths of the hidden layers of each step's network.
        ordering: the order in which the steps see the dimensions: "reversal" (every other step
            from the end), "random" (an order for each step, fixed) or "same".
        log_scale_bound: largest absolute logarithm of a scale in one step.
        **kwargs: `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ValueError: if an option is wrong.
    """

    def __init__(
        self,
        num_layers: int = 4,
        hidden_units: Any = (64, 64),
        ordering: str = "reversal",
        log_scale_bound: float = 2.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_layers = check_positive_int("num_layers", num_layers)
        self.hidden_units = check_hidden_units(hidden_units)
        self.ordering = check_choice("ordering", ordering, ORDERINGS)
        self.log_scale_bound = check_positive_number("log_scale_bound", log_scale_bound)

    @property
    def is_exact(self) -> bool:
        """True."""
        return True

    @abc.abstractmethod
    def new_step(self, size: int) -> Step:
        """Return a step over vectors of `size`."""

    def build(self, input_shape: Any) -> None:
        """Create the steps for z of shape (n, prior_dim).

        Raises:
            ValueError: if z has one dimension.
        """
        size = int(input_shape[-1])
        if size < 2:
            raise ValueError(
                f"{type(self).__name__} was given a latent of {size} dimension; expected two or "
                "more, since its steps condition dimensions on one another. Use a mixture, such as "
                "'mixture_of_gaussians'."
            )
        steps = [self.new_step(size) for _ in range(self.num_layers)]
        self.flow = Flow(steps, self.ordering, size)
        self.flow.build()

    def log_prob(
        self,
        latent: Tensor,
        components: DiagonalNormal | None = None,
        seed: Any = None,
        training: bool = False,
    ) -> Tensor:
        """Log-density in nats, shape (n,), for z of shape (n, prior_dim)."""
        noise, log_det = self.flow.to_noise(ops.cast(latent, "float32"))
        return log_det - 0.5 * ops.sum(ops.square(noise) + LOG_TWO_PI, axis=-1)

    def sample(
        self, num_samples: int, components: DiagonalNormal | None = None, seed: Any = None
    ) -> Tensor:
        """Draws of z, shape (num_samples, prior_dim)."""
        return self.flow.to_latent(random.normal((num_samples, self.context.prior_dim), seed))[0]

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "hidden_units": self.hidden_units,
            "ordering": self.ordering,
            "log_scale_bound": self.log_scale_bound,
        }


class RealNVP(FlowPrior):
    """Affine coupling steps (Dinh et al. 2017): density and draws take one pass each.

    Every step keeps the first half of the dimensions, in its order, and moves the others,
    so that at least two steps with "reversal" or "random" are needed to move all.

    Arguments as in `FlowPrior`.
    """

    def new_step(self, size: int) -> Step:
        """A coupling of two halves."""
        return CouplingStep(size, self.hidden_units, self.log_scale_bound)


class MaskedAutoregressiveFlow(FlowPrior):
    """Steps z_d = u_d exp(s_d(z_<d)) + m_d(z_<d) (Papamakarios et al. 2017).

    The density takes one pass of each step's MADE, a draw takes one pass a dimension.

    Arguments as in `FlowPrior`.
    """

    def new_step(self, size: int) -> Step:
        """A masked autoregressive step."""
        return MaskedStep(size, self.hidden_units, self.log_scale_bound)


class InverseAutoregressiveFlow(FlowPrior):
    """Steps z_d = u_d exp(s_d(u_<d)) + m_d(u_<d) (Kingma et al. 2016).

    A draw takes one pass of each step's MADE, the density takes one pass a dimension; training
    evaluates the density at every step, so that this prior suits small latents.

    Arguments as in `FlowPrior`.
    """

    def new_step(self, size: int) -> Step:
        """An inverse autoregressive step."""
        return InverseStep(size, self.hidden_units, self.log_scale_bound)
