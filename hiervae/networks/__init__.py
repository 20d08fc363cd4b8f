"""Deterministic networks between the stochastic layers."""

from hiervae.networks.base import Network
from hiervae.networks.conv import Conv
from hiervae.networks.gated_conv import GatedConv
from hiervae.networks.gated_mlp import GatedMLP
from hiervae.networks.keras_layers import KerasLayers
from hiervae.networks.mlp import MLP
from hiervae.networks.pixel_conv import PixelConv

__all__ = ["MLP", "Conv", "GatedConv", "GatedMLP", "KerasLayers", "Network", "PixelConv"]
