"""The blocks that the networks are made of."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from hiervae.networks.hidden_layer import DenseLayer, apply_layer
from hiervae.types import Shape, Tensor
from hiervae.utils.overrides import stands_for

NewLayer = Callable[[], keras.layers.Layer]


def begin_block(block: keras.layers.Layer, first: Tensor) -> Any:
    """Apply what `block` makes of its first input alone, for `finish_block`; outside training.

    Args:
        block: a block that is called with several inputs.
        first: the first of them, one row an example.
    """
    return block.begin(first) if isinstance(block, StagedBlock) and block.has_stages else first


def finish_block(
    block: keras.layers.Layer, begun: Any, others: Sequence[Tensor], num_samples: int
) -> Tensor:
    """Return the block's features where its other inputs differ from sample to sample.

    Args:
        block: a block that is called with several inputs.
        begun: what `begin_block` made of the first, n rows.
        others: the other inputs, num_samples * n rows, sample-major.
        num_samples: samples of each example.
    """
    if isinstance(block, StagedBlock) and block.has_stages:
        return block.finish(begun, others, num_samples)
    output: Tensor = block([repeat_rows(begun, num_samples), *others], training=False)
    return output


def repeat_rows(values: Tensor, num_samples: int) -> Tensor:
    """Repeat the rows of (n, ...) for each sample: (num_samples * n, ...), sample-major."""
    if num_samples == 1:
        return values
    return ops.tile(values, (num_samples, *(1 for _ in values.shape[1:])))


class StagedBlock(keras.layers.Layer, abc.ABC):
    """A block of several inputs that can do its share of the first one beforehand."""

    @abc.abstractmethod
    def begin(self, first: Tensor) -> Any:
        """What the first input alone gives; see `begin_block`."""

    @abc.abstractmethod
    def finish(self, begun: Any, others: Sequence[Tensor], num_samples: int) -> Tensor:
        """The features, given the outcome of `begin`; see `finish_block`."""

    @property
    def has_stages(self) -> bool:
        """Whether the two stages are those of the `call` that the block has."""
        return stands_for(self, "begin", "call", "finish")


class DenseBlock(StagedBlock):
    """Dense layers over one flattened input, or over several joined after the first layer.

    With several inputs each has a first layer of its own; their outputs are concatenated and the
    remaining layers follow, as in the two-level HVAE of Tomczak & Welling (2018).

    Args:
        layers: one function a hidden layer that returns a new Keras layer.
        num_inputs: how many tensors the block is called with.
        branches: layers that replace the first one for the inputs at these positions,
            which they receive as they are; their outputs are flattened.
    """

    def __init__(
        self,
        layers: Sequence[NewLayer],
        num_inputs: int = 1,
        branches: Mapping[int, keras.layers.Layer] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        own = branches or {}
        first, rest = layers[0], layers[1:]
        self.flatten = keras.layers.Flatten("channels_last", dtype=self.dtype_policy)
        self.branches = [own[i] if i in own else first() for i in range(num_inputs)]
        self.trunk = [layer() for layer in rest]
        self._takes_flat = tuple(i not in own for i in range(num_inputs))

    def build(self, input_shape: Any) -> None:
        """Create the weights for one input shape, or for a list of them."""
        shapes = input_shape if len(self.branches) > 1 else [input_shape]
        width = 0
        flatten = self.flatten.compute_output_shape
        for branch, shape, flat in zip(self.branches, shapes, self._takes_flat, strict=True):
            taken = flatten(shape) if flat else shape
            branch.build(taken)
            width += flatten(branch.compute_output_shape(taken))[-1]
        joined: Any = (None, width)
        for layer in self.trunk:
            layer.build(joined)
            joined = layer.compute_output_shape(joined)
        self._width = joined[-1]

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Map the input, or the list of inputs, to features (n, units of the last layer)."""
        tensors = inputs if len(self.branches) > 1 else [inputs]
        output = self._branched(0, tensors, training)
        for layer in self.trunk:
            output = apply_layer(layer, output, training)
        return output

    def _branched(self, first: int, tensors: Sequence[Tensor], training: bool = False) -> Tensor:
        """What the branches from number `first` on make of their inputs, side by side."""
        several = zip(self.branches[first:], tensors, self._takes_flat[first:], strict=False)
        hidden = [
            apply_layer(branch, self.flatten(tensor), training)
            if flat
            else self.flatten(branch(tensor, training=training))
            for branch, tensor, flat in several
        ]
        return hidden[0] if len(hidden) == 1 else ops.concatenate(hidden, axis=-1)

    def begin(self, first: Tensor) -> Tensor:
        """The first branch, and its share of the layer behind the branches; see `begin_block`."""
        hidden = self._branched(0, [first])
        layer = self._shared_layer()
        return hidden if layer is None else layer.affine_share(hidden)

    def finish(self, begun: Tensor, others: Sequence[Tensor], num_samples: int) -> Tensor:
        """The features, given `begin`'s outcome; see `finish_block`."""
        hidden = self._branched(1, others)
        trunk, shared = list(self.trunk), self._shared_layer()
        if shared is not None:
            trunk.pop(0)
            share = shared.affine_share(hidden, last=True)
            if num_samples > 1:
                folded = ops.reshape(share, (num_samples, -1, share.shape[-1]))
                share = ops.reshape(folded + begun, (-1, share.shape[-1]))
            else:
                share = share + begun
            output = shared.finish_affine(share)
        else:
            output = ops.concatenate([repeat_rows(begun, num_samples), hidden], axis=-1)
        for layer in trunk:
            output = apply_layer(layer, output)
        return output

    def _shared_layer(self) -> DenseLayer | None:
        """The layer behind the branches, where it can take its inputs apart."""
        first = self.trunk[0] if self.trunk else None
        return first if isinstance(first, DenseLayer) and first.has_shares else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape (n, units of the last layer)."""
        first = input_shape[0] if len(self.branches) > 1 else input_shape
        return (first[0], self._width)


class ConvBlock(keras.layers.Layer):
    """Convolutions one after the other, over images (n, h, w) or (n, h, w, c).

    Args:
        layers: the convolutions, at least one, and resampling between them.
    """

    def __init__(self, layers: Sequence[keras.layers.Layer], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.convolutions = list(layers)

    def build(self, input_shape: Any) -> None:
        """Create the weights for images of this shape."""
        shape = _with_channels(input_shape)
        for layer in self.convolutions:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Map images to features (n, height, width, filters of the last layer)."""
        output = ops.expand_dims(inputs, -1) if len(inputs.shape) == 3 else inputs
        for layer in self.convolutions:
            output = layer(output, training=training)
        return output

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape (n, height, width, filters of the last layer)."""
        shape = _with_channels(input_shape)
        for layer in self.convolutions:
            shape = layer.compute_output_shape(shape)
        return shape


class ImageBlock(keras.layers.Layer):
    """Dense layers to a first image, then convolutions to the last one.

    Args:
        dense: maps the input, or the list of inputs, to (n, k) with k the size of the first image.
        image_shape: the first image (h, w, c).
        convolutions: maps it to the last image.
    """

    def __init__(
        self,
        dense: keras.layers.Layer,
        image_shape: Shape,
        convolutions: keras.layers.Layer,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dense = dense
        self.reshape = keras.layers.Reshape(image_shape, dtype=self.dtype_policy)
        self.convolutions = convolutions
        self.image_shape = image_shape

    def build(self, input_shape: Any) -> None:
        """Create the weights for one input shape, or for a list of them."""
        self.dense.build(input_shape)
        self.convolutions.build((None, *self.image_shape))

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Map the input, or the list of inputs, to features (n, height, width, channels)."""
        image = self.reshape(self.dense(inputs, training=training))
        return self.convolutions(image, training=training)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape (n, height, width, channels)."""
        count, _ = self.dense.compute_output_shape(input_shape)
        return self.convolutions.compute_output_shape((count, *self.image_shape))


class JoinedMaps(StagedBlock):
    """Several inputs brought to maps of one size, concatenated, and convolved.

    Args:
        branches: one layer per input, each to maps (n, height, width, channels) of one size.
        trunk: the convolutions on all their channels.
    """

    def __init__(
        self, branches: Sequence[keras.layers.Layer], trunk: keras.layers.Layer, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.branches = list(branches)
        self.trunk = trunk

    def build(self, input_shape: Any) -> None:
        """Create the weights for a list of input shapes."""
        for branch, shape in zip(self.branches, input_shape, strict=True):
            branch.build(shape)
        self.trunk.build(self._joined_shape(input_shape))

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Map the list of inputs to features (n, height, width, channels)."""
        maps = [
            branch(tensor, training=training)
            for branch, tensor in zip(self.branches, inputs, strict=True)
        ]
        return self.trunk(ops.concatenate(maps, axis=-1), training=training)

    def begin(self, first: Tensor) -> Tensor:
        """The first input's maps; see `begin_block`."""
        maps: Tensor = self.branches[0](first, training=False)
        return maps

    def finish(self, begun: Tensor, others: Sequence[Tensor], num_samples: int) -> Tensor:
        """The features, given `begin`'s outcome; see `finish_block`."""
        maps = [
            branch(tensor, training=False)
            for branch, tensor in zip(self.branches[1:], others, strict=True)
        ]
        joined = ops.concatenate([repeat_rows(begun, num_samples), *maps], axis=-1)
        features: Tensor = self.trunk(joined, training=False)
        return features

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape (n, height, width, channels)."""
        return self.trunk.compute_output_shape(self._joined_shape(input_shape))

    def _joined_shape(self, input_shape: Any) -> Any:
        shapes = [
            branch.compute_output_shape(shape)
            for branch, shape in zip(self.branches, input_shape, strict=True)
        ]
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))


class Resize(keras.layers.Layer):
    """Bilinear resampling of maps (n, h, w, c) to (n, *size, c).

    Args:
        size: height and width of the outcome.
    """

    def __init__(self, size: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Resample the maps."""
        return ops.image.resize(inputs, self.size, data_format="channels_last")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape (n, *size, c)."""
        return (input_shape[0], *self.size, input_shape[-1])


def _with_channels(shape: Any) -> Any:
    return (*shape, 1) if len(shape) == 3 else shape
