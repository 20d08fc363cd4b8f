"""Measures of what a trained model has learned."""

from hiervae.evaluation.active_units import ActiveUnits, active_units
from hiervae.evaluation.bits_per_dimension import bits_per_dimension
from hiervae.evaluation.elbo_decomposition import ELBODecomposition, elbo_decomposition
from hiervae.evaluation.gibbs_chain import GibbsChain, gibbs_chain
from hiervae.evaluation.kl_profile import KLProfile, KLTerm, kl_profile
from hiervae.evaluation.noise_sweep import noise_sweep
from hiervae.evaluation.polar_regression import PolarRegression, polar_regression
from hiervae.evaluation.traversal import traversal

__all__ = [
    "ActiveUnits",
    "ELBODecomposition",
    "GibbsChain",
    "KLProfile",
    "KLTerm",
    "PolarRegression",
    "active_units",
    "bits_per_dimension",
    "elbo_decomposition",
    "gibbs_chain",
    "kl_profile",
    "noise_sweep",
    "polar_regression",
    "traversal",
]
