"""Likelihoods of counts, categories and heavy-tailed values for hiervae."""

from hiervae_counts.categorical import Categorical
from hiervae_counts.laplace import Laplace
from hiervae_counts.negative_binomial import NegativeBinomial, ZeroInflatedNegativeBinomial
from hiervae_counts.poisson import Poisson

__all__ = [
    "Categorical",
    "Laplace",
    "NegativeBinomial",
    "Poisson",
    "ZeroInflatedNegativeBinomial",
]
