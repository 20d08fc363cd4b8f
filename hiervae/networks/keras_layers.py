"""Keras layers of the user's own as the network of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from hiervae.networks.base import Network
from hiervae.types import Config, Shape


class KerasLayers(Network):
    """Any Keras layers or models as the deterministic blocks.

    Each block is called with one tensor, or with a list where the scheme conditions on several,
    and returns one tensor of features; the heads of the latents and of the likelihood are added by
    the model. The data block receives the latents nearest the data, shape (n, d). As in Keras the
    layers own their weights: models that are given the same layers share them.

    Args:
        encoder: one layer per level, nearest the data first; a single layer stands for one level.
        decoder: the layer above the likelihood ("data block"); in a model of L levels a list of L
            layers, the data block first, then those of p(z_1 | ...) ... p(z_{L-1} | ...). The
            scheme "vlae" needs one more, for z_L.

    Raises:
        ValueError: if something that is no Keras layer is given.

    Example:
        >>> network = KerasLayers(
        ...     encoder=keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(64, "relu")]),
        ...     decoder=keras.layers.Dense(64, "relu"),
        ... )
    """

    def __init__(self, encoder: Any, decoder: Any) -> None:
        self.encoder = _as_layers(encoder, "encoder")
        self.decoder = _as_layers(decoder, "decoder")

    def encoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """The user's layer below q(z_level | ...)."""
        return self._pick(self.encoder, level - 1, "encoder")

    def decoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """Return the user's layer that starts at z_level, in a model that has one for z_1."""
        return self._pick(self.decoder, level, "decoder")

    def prior_block(
        self, level: int, input_shapes: Sequence[Shape], latent_shape: Shape
    ) -> keras.layers.Layer:
        """Return the user's layer below p(z_{level-1} | z_level, ...)."""
        return self._pick(self.decoder, level - 1, "decoder")

    def own_prior_block(
        self, level: int, input_shapes: Sequence[Shape], latent_shape: Shape
    ) -> keras.layers.Layer:
        """Return the user's layer below p(z_level | ...), whatever the number of a block means."""
        return self.prior_block(level + 1, input_shapes, latent_shape)

    def data_block(self, input_shapes: Sequence[Shape], event_shape: Shape) -> keras.layers.Layer:
        """The user's layer below the likelihood."""
        return self._pick(self.decoder, 0, "decoder")

    def get_config(self) -> Config:
        """The layers, serialised by Keras."""
        serialize = keras.saving.serialize_keras_object
        return {
            "encoder": [serialize(layer) for layer in self.encoder],
            "decoder": [serialize(layer) for layer in self.decoder],
        }

    @classmethod
    def from_config(cls, config: Config) -> KerasLayers:
        """Rebuild from `get_config()`; classes of the user's own must be registered with Keras."""
        deserialize = keras.saving.deserialize_keras_object
        sides = [side for side in ("encoder", "decoder") if side in config]
        layers: Config = {side: [deserialize(entry) for entry in config[side]] for side in sides}
        return cls(**{**config, **layers})

    def _pick(self, layers: list[keras.layers.Layer], index: int, side: str) -> keras.layers.Layer:
        if index >= len(layers):
            raise ValueError(
                f"The model needs a {side} layer number {index + 1}, but {side} has {len(layers)}. "
                f"Give one {side} layer a stochastic level."
            )
        return layers[index]


def _as_layers(value: Any, side: str) -> list[keras.layers.Layer]:
    layers = list(value) if isinstance(value, (list, tuple)) else [value]
    if not layers or not all(isinstance(layer, keras.layers.Layer) for layer in layers):
        raise ValueError(
            f"{side}={value!r} is not made of Keras layers. Expected a keras.layers.Layer (a "
            "keras.Sequential or keras.Model is one), or a list of them, one per level."
        )
    return layers
