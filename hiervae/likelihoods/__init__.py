"""Likelihoods p(x | z)."""

from hiervae.likelihoods.base import Likelihood

__all__ = ["Likelihood"]
