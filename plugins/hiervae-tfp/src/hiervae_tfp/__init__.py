"""Distributions of TensorFlow Probability as priors and likelihoods of hiervae."""

from hiervae_tfp.likelihood import TFPLikelihood
from hiervae_tfp.prior import TFPPrior

__all__ = ["TFPLikelihood", "TFPPrior"]
