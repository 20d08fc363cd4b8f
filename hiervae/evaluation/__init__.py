"""Measures of what a trained model has learned."""

from hiervae.evaluation.active_units import ActiveUnits, active_units
from hiervae.evaluation.bits_per_dimension import bits_per_dimension
from hiervae.evaluation.elbo_decomposition import ELBODecomposition, elbo_decomposition
from hiervae.evaluation.kl_profile import KLProfile, KLTerm, kl_profile
from hiervae.evaluation.polar_regression import PolarRegression, polar_regression
from hiervae.evaluation.traversal import traversal

__all__ = [
    "ActiveUnits",
    "ELBODecomposition",
    "KLProfile",
    "KLTerm",
    "PolarRegression",
    "active_units",
    "bits_per_dimension",
    "elbo_decomposition",
    "kl_profile",
    "polar_regression",
    "traversal",
]
