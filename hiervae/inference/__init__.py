"""Inference schemes: posteriors with the generative structures they pair with."""

from hiervae.inference.base import InferenceScheme

__all__ = ["InferenceScheme"]
