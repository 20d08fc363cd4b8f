"""Distributions as plain values over `keras.ops`."""

from hiervae.distributions.diagonal_normal import DiagonalNormal
from hiervae.distributions.divergence import kl_divergence

__all__ = ["DiagonalNormal", "kl_divergence"]
