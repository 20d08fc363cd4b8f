"""The hidden layers that all networks of the package are made of."""

from __future__ import annotations

import abc
from typing import Any

import keras
from keras import ops

from hiervae.backend import affine_map
from hiervae.networks.dropout import Dropout
from hiervae.networks.normalization import BatchNormalization
from hiervae.networks.options import (
    PairedInitializer,
    activation_function,
    check_layer_options,
    new_initializer,
)
from hiervae.types import Config, Tensor
from hiervae.utils.overrides import stands_for
from hiervae.utils.pairs import mark_pairs


def is_plain(dense: keras.layers.Dense) -> bool:
    """Whether a dense layer is the product with its kernel: not quantised, without an adapter."""
    quantised = getattr(dense, "quantization_mode", None) is not None
    return not quantised and not getattr(dense, "lora_enabled", False)


def apply_dense(dense: keras.layers.Dense, inputs: Tensor) -> Tensor:
    """Apply a dense layer to (n, k), its affine map as one operation where the backend has one."""
    if not dense.use_bias or not is_plain(dense) or isinstance(inputs, keras.KerasTensor):
        output: Tensor = dense(inputs)
        return output
    dtype = dense.compute_dtype
    kernel, bias = (
        ops.cast(ops.convert_to_tensor(weight), dtype) for weight in (dense.kernel, dense.bias)
    )
    return dense.activation(affine_map(ops.cast(inputs, dtype), kernel, bias))


def apply_layer(layer: keras.layers.Layer, inputs: Tensor, training: bool = False) -> Tensor:
    """Apply a hidden layer to (n, k); one of Keras' own dense layers as `apply_dense` does."""
    if type(layer) is keras.layers.Dense:
        return apply_dense(layer, inputs)
    output: Tensor = layer(inputs, training=training)
    return output


class HiddenLayer(keras.layers.Layer, abc.ABC):
    """An affine map, batch normalisation, a nonlinearity and dropout (in this order).

    Normalisation and dropout are there where asked for. With batch normalisation the affine map has
    no bias, which the normalisation would take away.
    A gated layer has two affine maps h and g, both normalised, and gives h * sigmoid(g) (Tomczak &
    Welling 2018, section 4). They lie side by side in one weight, but start, and are normalised by
    optimisers, as tensors of their own (`hiervae.utils.pairs`).

    Args:
        activation: nonlinearity, in a gated layer that of h: a name, or a dict of name and
            arguments.
        gated: whether the layer is gated.
        batch_norm: normalise before the nonlinearity (Sønderby et al. 2016).
        kernel_initializer: start of the affine map's weights.
        dropout: the probability with which a feature is dropped in training.
    """

    def __init__(
        self,
        activation: Any,
        gated: bool,
        batch_norm: bool,
        kernel_initializer: Any,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.gated = gated
        self.layer_options = check_layer_options(
            activation, batch_norm, kernel_initializer, dropout
        )
        self.activation = activation_function(activation)
        self.normalization = BatchNormalization(dtype=self.dtype_policy) if batch_norm else None
        self.dropout = Dropout(dropout, dtype=self.dtype_policy) if dropout else None

    def affine_options(self, kernel_axis: int = -1) -> Config:
        """Return what the Keras layer of the affine map is made with, beside its size.

        Args:
            kernel_axis: the axis of the kernel's outputs.
        """
        self._kernel_axis = kernel_axis
        option = self.layer_options["kernel_initializer"]
        initializer = new_initializer(option)
        if self.gated:
            initializer = PairedInitializer((initializer, new_initializer(option)), kernel_axis)
        return {
            "kernel_initializer": initializer,
            "use_bias": self.normalization is None,
            "dtype": self.dtype_policy,
        }

    @abc.abstractmethod
    def build_affine(self, input_shape: Any) -> None:
        """Create the weights of the affine map."""

    @abc.abstractmethod
    def affine(self, inputs: Tensor) -> Tensor:
        """The affine map; a gated layer's has h and g beside each other in the last axis."""

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of this shape, the leading axis included."""
        self.build_affine(input_shape)
        if self.normalization is not None:
            *outer, size = self.compute_output_shape(input_shape)
            self.normalization.build((*outer, 2 * size if self.gated else size))
        if self.gated:
            mark_pairs(self.trainable_variables, self._kernel_axis)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Apply the layer."""
        return self.finish_affine(self.affine(inputs), training)

    def finish_affine(self, hidden: Tensor, training: bool = False) -> Tensor:
        """Normalise what the affine map gave, apply nonlinearity and gate, and drop features."""
        if self.normalization is not None:
            hidden = self.normalization(hidden, training=training)
        if self.gated:
            value, gate = ops.split(hidden, 2, axis=-1)
            outputs = self.activation(value) * ops.sigmoid(gate)
        else:
            outputs = self.activation(hidden)
        return outputs if self.dropout is None else self.dropout(outputs, training=training)


class DenseLayer(HiddenLayer, abc.ABC):
    """A fully connected hidden layer, from (n, k) to (n, units); see `HiddenLayer`."""

    def __init__(
        self,
        units: int,
        activation: Any,
        gated: bool,
        batch_norm: bool,
        kernel_initializer: Any,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(activation, gated, batch_norm, kernel_initializer, dropout, **kwargs)
        self.units = units
        size = 2 * units if gated else units
        self.dense = keras.layers.Dense(size, name="dense", **self.affine_options())

    def build_affine(self, input_shape: Any) -> None:
        """Create the weights of the affine map."""
        self.dense.build(input_shape)

    def affine(self, inputs: Tensor) -> Tensor:
        """Shape (n, units), or (n, 2 * units) of a gated layer."""
        if len(inputs.shape) == 2:
            return apply_dense(self.dense, inputs)
        return self.dense(inputs)

    @property
    def has_shares(self) -> bool:
        """Whether the affine map is the plain product that `affine_share` divides."""
        plain = stands_for(self, "affine_share", "affine", "finish_affine", "call")
        return plain and is_plain(self.dense)

    def affine_share(self, inputs: Tensor, last: bool = False) -> Tensor:
        """The share of the affine map that some of the inputs have; shares add up to it.

        Args:
            inputs: the first inputs of the layer, or its last ones, shape (n, k).
            last: which; the first have the bias.
        """
        size, dtype = inputs.shape[-1], self.compute_dtype
        kernel = ops.convert_to_tensor(self.dense.kernel)
        rows = ops.cast(kernel[kernel.shape[0] - size :] if last else kernel[:size], dtype)
        inputs = ops.cast(inputs, dtype)
        if last or not self.dense.use_bias:
            return ops.matmul(inputs, rows)
        return affine_map(inputs, rows, ops.cast(ops.convert_to_tensor(self.dense.bias), dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape (n, units)."""
        return (*input_shape[:-1], self.units)

    @abc.abstractmethod
    def get_config(self) -> Config:
        """Constructor arguments."""
        return {**super().get_config(), "units": self.units, **self.layer_options}


class HiddenDense(DenseLayer):
    """A fully connected layer, from (n, k) to (n, units).

    Args:
        units: number of outputs.
        activation: nonlinearity.
        batch_norm: as in `HiddenLayer`.
        kernel_initializer: as in `HiddenLayer`.
        dropout: as in `HiddenLayer`.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "linear",
        batch_norm: bool = False,
        kernel_initializer: Any = "he_normal",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units, activation, False, batch_norm, kernel_initializer, dropout, **kwargs
        )

    def get_config(self) -> Config:
        """Constructor arguments."""
        return super().get_config()


class GatedDense(DenseLayer):
    """h(x) * sigmoid(g(x)) with two affine maps h and g (Tomczak & Welling 2018, section 4).

    Maps (n, k) to (n, units).

    Args:
        units: number of outputs.
        activation: nonlinearity of h; the paper has none.
        batch_norm: as in `HiddenLayer`.
        kernel_initializer: as in `HiddenLayer`.
        dropout: as in `HiddenLayer`.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "linear",
        batch_norm: bool = False,
        kernel_initializer: Any = "he_normal",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, True, batch_norm, kernel_initializer, dropout, **kwargs)

    def get_config(self) -> Config:
        """Constructor arguments."""
        return super().get_config()


class HiddenConv(HiddenLayer):
    """A convolution with channels last, or, to a larger image, a transposed one.

    Maps (n, h, w, c) to (n, ceil(h / strides), ceil(w / strides), filters), zeros beyond the edge;
    where `size` is given, to (n, *size, filters) with size at most strides * (h, w).

    Args:
        filters: number of output channels.
        kernel_size: edge of the square kernel.
        strides: step of the convolution, a pair by axis, or factor of the transposed one.
        size: height and width of the output of a transposed convolution; None for a plain one.
        **options: those of `HiddenLayer`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: tuple[int, int],
        size: tuple[int, int] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.filters = filters
        self.strides = strides
        self.size = size
        # Backends place a transposed convolution of "same" size differently: cut it out here.
        kind = keras.layers.Conv2D if size is None else keras.layers.Conv2DTranspose
        self.conv = kind(
            2 * filters if self.gated else filters,
            kernel_size,
            strides=strides,
            padding="same" if size is None else "valid",
            data_format="channels_last",
            name="conv",
            **self.affine_options(-1 if size is None else -2),
        )
        self._margins = tuple(max(kernel_size - step, 0) // 2 for step in strides)

    def build_affine(self, input_shape: Any) -> None:
        """Create the weights of the convolution."""
        self.conv.build(input_shape)

    def affine(self, inputs: Tensor) -> Tensor:
        """The convolution, cut to `size`."""
        outputs = self.conv(inputs)
        if self.size is None:
            return outputs
        top, left = self._margins
        height, width = self.size
        return outputs[:, top : top + height, left : left + width]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape (n, height, width, filters)."""
        count, height, width, _ = input_shape
        size = self.size or (-(-height // self.strides[0]), -(-width // self.strides[1]))
        return (count, *size, self.filters)
