"""Inverse autoregressive posteriors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hiervae import registry
from hiervae.distributions import DiagonalNormal
from hiervae.inference import InferenceScheme
from hiervae.inference.passes import GenerativePass, InferencePass
from hiervae.options import check_choice, check_positive_int, check_positive_number
from hiervae.types import Config, Tensor
from keras import ops

from hiervae_flows.flow import ORDERINGS, Flow
from hiervae_flows.options import check_hidden_units
from hiervae_flows.steps import InverseStep


class InverseAutoregressivePosterior(InferenceScheme):
    """Any inference scheme, its posteriors transformed by flows (Kingma et al. 2016).

    The wrapped scheme's normal q(e_l | ...) of a level gives a draw e_l, and inverse autoregressive
    steps z_d = e_d exp(s_d(e_<d, h)) + m_d(e_<d, h) make z_l of it. The context h is the mean and
    the log-variance of that normal, so that it knows what the encoder does. Then

        log q(z_l | ...) = log q(e_l | ...) - log |det dz_l/de_l|,

    known at the draws and taken there; no KL has a closed form. Posteriors of levels that depend on
    z_l, conditional priors and the decoder see z_l. A prior of posteriors, such as the VampPrior,
    is given the normals q(e | u_k), since the density of a flow is not known away from its draws.

    Args:
        scheme: the wrapped scheme, a name, a config or an `InferenceScheme`.
        num_layers: steps for each level.
        hidden_units: widths of the hidden layers of each step's MADE.
        ordering: the order in which the steps see the dimensions: "reversal" (every other step
            from the end), "random" (an order for each step, fixed) or "same".
        log_scale_bound: largest absolute logarithm of a scale in one step.
        **kwargs: `name`, `dtype` and `trainable` of a Keras layer.

    Raises:
        ValueError: if an option is wrong, or the wrapped scheme transforms its draws itself.
    """

    def __init__(
        self,
        scheme: Any = "bottom_up",
        num_layers: int = 2,
        hidden_units: Any = (64,),
        ordering: str = "reversal",
        log_scale_bound: float = 2.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.scheme = registry.create("hiervae.inference", scheme, InferenceScheme)
        self.structure = self.scheme.structure
        self.num_layers = check_positive_int("num_layers", num_layers)
        self.hidden_units = check_hidden_units(hidden_units)
        self.ordering = check_choice("ordering", ordering, ORDERINGS)
        self.log_scale_bound = check_positive_number("log_scale_bound", log_scale_bound)
        self.scheme.transform_draws(self.transform_draw)
        self._num_transformed = 0

    def transform_draws(self, transform: Any) -> None:
        """Refuse any transform but None, since the densities of two cannot be composed.

        Raises:
            ValueError: if there is one.
        """
        if transform is not None:
            raise ValueError(
                f"{type(self).__name__} transforms its draws itself; expected a wrapped scheme "
                "whose draws are those of its normals, such as 'bottom_up'. Give one iaf_posterior "
                "more layers (num_layers) in place of one around another."
            )

    def prepare(self, context: Any) -> None:
        """See the base class."""
        super().prepare(context)
        self.scheme.prepare(context)

    def build(self, input_shape: Any) -> None:
        """Build the wrapped scheme for x of shape (n, *event_shape), and a flow for each level."""
        self.scheme.build(input_shape)
        self.features_shape = self.scheme.features_shape
        self.flows = []
        for size in self.context.latent_dims:
            steps = [
                InverseStep(size, self.hidden_units, self.log_scale_bound, 2 * size)
                for _ in range(self.num_layers)
            ]
            flow = Flow(steps, self.ordering, size)
            flow.build()
            self.flows.append(flow)

    def transform_draw(
        self, level: int, latent: Tensor, posterior: DiagonalNormal
    ) -> tuple[Tensor, Tensor]:
        """Return z_l (n, *latent_shape) of a draw e_l and its normal, and log q(z_l), (n,)."""
        self._num_transformed += 1
        shape = self.context.latent_shapes[level - 1]
        normal = posterior.flatten()
        context = ops.concatenate([normal.mean, normal.log_variance], axis=-1)
        noise = ops.reshape(latent, (-1, math.prod(shape)))
        transformed, log_det = self.flows[level - 1].to_latent(noise, context)
        log_density = posterior.log_prob(latent) - log_det
        return ops.reshape(transformed, (-1, *shape)), log_density

    def infer(
        self,
        inputs: Tensor,
        pseudo_inputs: Tensor | None = None,
        num_samples: int = 1,
        sample: bool = True,
        seed: Any = None,
        training: bool = False,
    ) -> InferencePass:
        """See the base class; `sample=False` transforms the means of the normals.

        Raises:
            ValueError: if the wrapped scheme does not let its draws be transformed.
        """
        before = self._num_transformed
        outcome = self.scheme.infer(inputs, pseudo_inputs, num_samples, sample, seed, training)
        # Components may have been drawn as well.
        were_transformed = self._num_transformed - before >= len(outcome.levels)
        if not were_transformed or any(level.log_density is None for level in outcome.levels):
            raise ValueError(
                f"{type(self.scheme).__name__} draws a level by itself; expected a scheme that "
                "draws by `draw_level` and gives `log_density` to its levels, as those of hiervae "
                "do. Change it, or use it without iaf_posterior."
            )
        return outcome

    def generate(self, latent: Tensor, sample: bool = True, seed: Any = None) -> GenerativePass:
        """See the base class."""
        return self.scheme.generate(latent, sample, seed)

    def decode(self, latents: Sequence[Tensor], training: bool = False) -> Tensor:
        """See the base class."""
        return self.scheme.decode(latents, training)

    def encode_components(self, pseudo_inputs: Tensor, seed: Any = None) -> DiagonalNormal:
        """Return the normals q(e | u_k) before the flow, parameters (K, prior_dim)."""
        return self.scheme.encode_components(pseudo_inputs, seed)

    def conditional_prior(self, above: Sequence[Tensor], training: bool = False) -> DiagonalNormal:
        """See the base class."""
        return self.scheme.conditional_prior(above, training)

    def components_are_drawn(self, num_levels: int) -> bool:
        """See the base class."""
        return self.scheme.components_are_drawn(num_levels)

    def governed(self, levels: Sequence[Any]) -> Sequence[Any]:
        """See the base class."""
        return self.scheme.governed(levels)

    def kl_names(self, num_levels: int, joint: bool) -> tuple[str, ...]:
        """See the base class."""
        return self.scheme.kl_names(num_levels, joint)

    @property
    def num_examples_wanted(self) -> int:
        """As many as the wrapped scheme wants."""
        return self.scheme.num_examples_wanted

    def adapt(self, examples: Any) -> None:
        """See the base class."""
        self.scheme.adapt(examples)

    def check_ready(self) -> None:
        """See the base class."""
        self.scheme.check_ready()

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "scheme": registry.describe("hiervae.inference", self.scheme),
            "num_layers": self.num_layers,
            "hidden_units": self.hidden_units,
            "ordering": self.ordering,
            "log_scale_bound": self.log_scale_bound,
        }

    @classmethod
    def from_config(cls, config: Config) -> InverseAutoregressivePosterior:
        """Rebuild from `get_config()`."""
        scheme = registry.restore("hiervae.inference", config["scheme"], InferenceScheme)
        return cls(**{**config, "scheme": scheme})
