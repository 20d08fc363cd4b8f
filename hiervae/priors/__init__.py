"""Priors p(z) of the latent vector that no other latent conditions."""

from hiervae.priors.base import Prior

__all__ = ["Prior"]
