"""Convolutional networks with gated layers."""

from __future__ import annotations

from typing import Any

from hiervae.networks.conv_network import ConvNetwork
from hiervae.networks.gated_mlp import GatedMLP


class GatedConv(ConvNetwork):
    """`Conv` of gated layers h(x) * sigmoid(g(x)), convolutions and dense ones.

    The defaults are those of the ConvHVAE of Tomczak & Welling (2018), but for its encoder of z_1,
    which has 3x3 kernels alone: 294 features of a 28x28 image, a gated dense layer to an image of
    the example's size, and four convolutions on it.

    Args:
        encoder_layers: as in `Conv`.
        decoder_layers: as in `Conv`.
        hidden_units: as in `Conv`.
        decoder_units: as in `Conv`.
        decoder_channels: as in `Conv`.
        activation: Keras activation of h; the paper has none ("linear").
        batch_norm: normalise both affine maps of every layer, before gate and activation.
        kernel_initializer: as in `Conv`.
        dropout: as in `Conv`, behind the gate.

    Raises:
        ValueError: if an option is wrong; when a block is asked for, if examples are no images.
    """

    def __init__(
        self,
        encoder_layers: Any = ((32, 7, 1), (32, 3, 2), (64, 5, 1), (64, 3, 2), (6, 3, 1)),
        decoder_layers: Any = ((64, 3, 1), (64, 3, 1), (64, 3, 1), (64, 3, 1)),
        hidden_units: Any = (300, 300),
        decoder_units: Any = (300,),
        decoder_channels: int | None = None,
        activation: Any = "linear",
        batch_norm: bool = False,
        kernel_initializer: Any = "he_normal",
        dropout: float = 0.0,
    ) -> None:
        dense = GatedMLP(hidden_units, activation, batch_norm, kernel_initializer, dropout)
        super().__init__(encoder_layers, decoder_layers, decoder_units, decoder_channels, dense)

    @property
    def gated(self) -> bool:
        """True."""
        return True
