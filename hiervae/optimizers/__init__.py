"""Keras optimisers of the papers."""

from hiervae.optimizers.normalized_adam import NormalizedAdam

__all__ = ["NormalizedAdam"]
