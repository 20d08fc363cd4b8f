"""Keras optimisers and learning rates of the papers."""

from hiervae.optimizers.normalized_adam import NormalizedAdam
from hiervae.optimizers.staged_decay import StagedDecay

__all__ = ["NormalizedAdam", "StagedDecay"]
