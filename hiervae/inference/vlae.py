"""The variational ladder autoencoder: a flat prior, and latents of several depths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.inference.normal_scheme import NormalScheme, encode_with_pseudo_inputs
from hiervae.inference.passes import GenerativePass, InferencePass, Level
from hiervae.networks.base import build_block
from hiervae.networks.options import LEAKY_RELU, activation_function
from hiervae.types import Config, Tensor
from hiervae.utils.validation import check_choice, check_number_between

COMBINATIONS = ("concatenate", "gated")


class VariationalLadder(NormalScheme):
    """q(z_1 | x) ... q(z_L | x), read off at L depths of one encoder; the prior governs all.

    The variational ladder autoencoder (Zhao et al. 2017, Eqs. 8-14). The encoder is
    h_l = g_l(h_{l-1}) with h_0 = x, and z_l ~ N(mu_l(h_l), sigma_l(h_l)^2). The decoder is
    z~_L = f_L(z_L), z~_l = u_l([z~_{l+1}; v_l(z_l)]), x ~ r(f_0(z~_1)).

    The network's encoder block of level l is g_l; its decoder blocks are f_L and u_l, so there are
    L of them, and the data block on z~_1 is f_0. v_l is one dense layer of this scheme from z_l to
    the shape of z~_{l+1}, whatever its rank; so u_l is called with one tensor, and images stay
    images.

    Args:
        combine: "concatenate" joins z~_{l+1} and v_l(z_l) along the last axis (channels);
            "gated" adds gate * v_l(z_l) to z~_{l+1}, with a learned gate a feature.
        initial_gate: initial value of the gates.
        activation: of v_l: the name of a Keras activation, or a dict of its name and arguments.
        **kwargs: `log_variance_bounds`, `variance`, `head_batch_norm`: see `NormalScheme`.

    Raises:
        ValueError: if an option is wrong.
    """

    structure = "flat"

    def __init__(
        self,
        combine: str = "concatenate",
        initial_gate: float = 0.1,
        activation: Any = LEAKY_RELU,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.combine = check_choice("combine", combine, COMBINATIONS)
        self.initial_gate = check_number_between("initial_gate", initial_gate, -10.0, 10.0)
        self.activation = activation
        self._activation_function = activation_function(activation)

    def build(self, input_shape: Any) -> None:
        """Create encoder and decoder for x of shape (n, *event_shape)."""
        context, network = self.context, self.context.network
        shapes = context.latent_shapes
        self.encoders, self.posterior_heads = [], []
        below = context.event_shape
        for level, shape in enumerate(shapes, start=1):
            block = network.posterior_block(level, [below], shape)
            head, below = self._build_head(block, [below], shape, f"posterior_{level}")
            self.encoders.append(block)
            self.posterior_heads.append(head)
        top = [shapes[-1]]
        decoders = [network.decoder_block(len(shapes), top)]
        above = build_block(decoders[0], top)
        joints: list[LevelInput] = []
        for level in range(len(shapes) - 1, 0, -1):
            gate = self.initial_gate if self.combine == "gated" else None
            joint = LevelInput(above, self._activation_function, gate, name=f"level_input_{level}")
            joint.build((None, *shapes[level - 1]))
            joined = [joint.output_shape]
            decoders.insert(0, network.decoder_block(level, joined))
            above = build_block(decoders[0], joined)
            joints.insert(0, joint)
        self.decoders, self.level_inputs = decoders, joints
        self.data_block = network.data_block([above], context.event_shape)
        self.features_shape = build_block(self.data_block, [above])

    def _posteriors(self, training: bool, inputs: Tensor) -> list[DiagonalNormal]:
        posteriors = []
        for block, head in zip(self.encoders, self.posterior_heads, strict=True):
            inputs = block(inputs, training=training)
            posteriors.append(head.distribution(inputs, training))
        return posteriors

    def infer(
        self,
        inputs: Tensor,
        pseudo_inputs: Tensor | None = None,
        num_samples: int = 1,
        sample: bool = True,
        seed: Any = None,
        training: bool = False,
    ) -> InferencePass:
        """See the base class."""
        posteriors, encoded = encode_with_pseudo_inputs(
            partial(self._posteriors, training), inputs, pseudo_inputs
        )
        components = None if encoded is None else self.join_normals(encoded)
        return self._pass(posteriors, num_samples, sample, seed, training, components)

    def _pass(
        self,
        posteriors: Sequence[DiagonalNormal],
        num_samples: int,
        sample: bool,
        seed: Any,
        training: bool = False,
        components: DiagonalNormal | None = None,
    ) -> InferencePass:
        """Draw from the posteriors of z_1 ... z_L and decode."""
        repeated = [posterior.repeat(num_samples) for posterior in posteriors]
        draws = [
            self.draw_level(level, posterior, sample, seed)
            for level, posterior in enumerate(repeated, start=1)
        ]
        levels = tuple(
            Level(latent, posterior, log_density=log_density)
            for (latent, log_density), posterior in zip(draws, repeated, strict=True)
        )
        latents = [level.latent for level in levels]
        return InferencePass(levels, self.decode(latents, training), components)

    def encode_examples(self, inputs: Tensor) -> list[DiagonalNormal]:
        """q(z_1 | x) ... q(z_L | x)."""
        return self._posteriors(False, inputs)

    def infer_encoded(
        self,
        encoded: list[DiagonalNormal],
        num_samples: int = 1,
        sample: bool = True,
        seed: Any = None,
    ) -> InferencePass:
        """See the base class."""
        return self._pass(encoded, num_samples, sample, seed)

    def generate(self, latent: Tensor, sample: bool = True, seed: Any = None) -> GenerativePass:
        """Decode (z_1, ..., z_L), concatenated; nothing is left to draw."""
        latents = tuple(self.split_latent(latent))
        return GenerativePass(latents, self.decode(latents))

    def decode(self, latents: Sequence[Tensor], training: bool = False) -> Tensor:
        """The decoder's features from all levels."""
        features = self.decoders[-1](latents[-1], training=training)
        for index in reversed(range(len(self.level_inputs))):
            joined = self.level_inputs[index](latents[index], features)
            features = self.decoders[index](joined, training=training)
        return self.data_block(features, training=training)

    def encode_components(self, pseudo_inputs: Tensor, seed: Any = None) -> DiagonalNormal:
        """The product over levels of q(z_l | u_k), which no draw enters."""
        return self.join_normals(self._posteriors(False, pseudo_inputs))

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "combine": self.combine,
            "initial_gate": self.initial_gate,
            "activation": self.activation,
        }


class LevelInput(keras.layers.Layer):
    """Brings z_l into the features z~_{l+1} of the level above (Zhao et al. 2017, Eq. 12).

    Args:
        features_shape: shape of z~_{l+1} without its leading axis, of any rank.
        activation: of the dense layer v_l from z_l to that shape.
        initial_gate: z~_{l+1} + gate * v_l(z_l), the gate starting here; None concatenates the two
            along the last axis.
    """

    def __init__(
        self,
        features_shape: tuple[int, ...],
        activation: Any,
        initial_gate: float | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.features_shape = features_shape
        self.initial_gate = initial_gate
        self.dense = keras.layers.Dense(
            math.prod(features_shape), activation, dtype=self.dtype_policy, name="dense"
        )

    def build(self, input_shape: Any) -> None:
        """Create the weights for z_l of shape (n, *latent_shape)."""
        self.dense.build((None, math.prod(input_shape[1:])))
        if self.initial_gate is not None:
            initializer = keras.initializers.Constant(self.initial_gate)
            self.gate = self.add_weight(
                shape=self.features_shape, initializer=initializer, name="gate"
            )

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of what the layer returns, without its leading axis."""
        *outer, last = self.features_shape
        return (*outer, last if self.initial_gate is not None else 2 * last)

    def call(self, latent: Tensor, features: Tensor) -> Tensor:
        """Join z_l (n, *latent_shape) and z~_{l+1} (n, *features_shape)."""
        vectors = latent
        if len(latent.shape) > 2:
            vectors = ops.reshape(latent, (-1, math.prod(latent.shape[1:])))
        own = ops.reshape(self.dense(vectors), (-1, *self.features_shape))
        if self.initial_gate is None:
            return ops.concatenate([features, own], axis=-1)
        return features + self.gate * own
