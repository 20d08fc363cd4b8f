"""The base of the deterministic networks between the stochastic layers."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from hiervae.types import Config, Shape
from hiervae.utils.versioned import VersionedOptions


class Network(VersionedOptions, abc.ABC):
    """A recipe for the deterministic blocks of a model; it owns no weights itself.

    A block is a Keras layer. It is called with one tensor, or with a list of tensors where a
    scheme conditions on several (for instance x and z_2), and returns one feature tensor. Shapes
    here exclude the leading axis; `level` counts from 1, the level nearest the data.

    Attributes:
        interface_version: version of the extension interface the class was written for.
    """

    interface_version: ClassVar[int] = 1

    @abc.abstractmethod
    def encoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """The block below the posterior heads of `level`."""

    @abc.abstractmethod
    def decoder_block(self, level: int, input_shapes: Sequence[Shape]) -> keras.layers.Layer:
        """Return the block that starts at z_level (and those above), on the way to the data."""

    @abc.abstractmethod
    def data_block(self, input_shapes: Sequence[Shape], event_shape: Shape) -> keras.layers.Layer:
        """The block between the latents and the likelihood's output heads."""

    def posterior_block(
        self, level: int, input_shapes: Sequence[Shape], latent_shape: Shape
    ) -> keras.layers.Layer:
        """Return the block below the posterior heads of a level whose latent has this shape.

        By default that of `encoder_block`: the head brings features of any shape to the latent's.
        A network that knows maps overrides it, so that the features of a latent (height, width,
        channels) have its height and width, where the head is a 1x1 convolution.

        Args:
            level: number of the level, from 1.
            input_shapes: of the tensors that the block is called with.
            latent_shape: shape of z_level.
        """
        return self.encoder_block(level, input_shapes)

    def prior_block(
        self, level: int, input_shapes: Sequence[Shape], latent_shape: Shape
    ) -> keras.layers.Layer:
        """Return the block that starts at z_level, below the heads of a conditional prior.

        That of `decoder_block`, by default; see `posterior_block`.

        Args:
            level: number of the level that the block comes from: l + 1 for p(z_l | z_{l+1}, ...).
            input_shapes: of the tensors that the block is called with.
            latent_shape: shape of the latent z_l whose prior it is.
        """
        return self.decoder_block(level, input_shapes)

    def own_prior_block(
        self, level: int, input_shapes: Sequence[Shape], latent_shape: Shape
    ) -> keras.layers.Layer:
        """Return the block below p(z_level | ...) where blocks have the number of the lower level.

        So do those of models that were saved before `prior_block_level`. That of `prior_block` with
        this number, by default; a network whose blocks are not made by number overrides it.

        Args:
            level: number l of the latent z_l whose prior it is.
            input_shapes: of the tensors that the block is called with.
            latent_shape: shape of z_l.
        """
        return self.prior_block(level, input_shapes, latent_shape)

    @abc.abstractmethod
    def get_config(self) -> Config:
        """Constructor arguments, JSON-serialisable."""

    @classmethod
    def from_config(cls, config: Config) -> Network:
        """Rebuild from `get_config()`."""
        return cls(**config)


def build_block(block: keras.layers.Layer, input_shapes: Sequence[Shape]) -> Shape:
    """Build `block` for inputs of these shapes and return its output shape.

    As Keras does in a functional model, so that a layer needs no `compute_output_shape`.

    Raises:
        ValueError: if the block is no layer, or does not return one tensor of known sizes.
    """
    if not isinstance(block, keras.layers.Layer):
        raise ValueError(
            f"A network gave the block {block!r} of type {type(block).__name__}; expected a Keras "
            "layer, not a function or a class. Let encoder_block, decoder_block and data_block "
            "return one, such as keras.layers.Dense(100)."
        )
    inputs: Any = [keras.KerasTensor((None, *shape), "float32") for shape in input_shapes]
    if len(inputs) == 1:
        inputs = inputs[0]
    output = block(inputs)  # symbolic: it asks for `compute_output_shape`, or else traces the call
    if not isinstance(output, keras.KerasTensor) or None in output.shape[1:]:
        raise ValueError(
            f"The block {block.name!r} returns {output!r} for inputs of shape "
            f"{', '.join(str((None, *shape)) for shape in input_shapes)}; expected one feature "
            "tensor. Let the layer return a single tensor, whose sizes follow from its input's."
        )
    return tuple(output.shape[1:])
