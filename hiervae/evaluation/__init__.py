"""Measures of what a trained model has learned."""

from hiervae.evaluation.active_units import ActiveUnits, active_units
from hiervae.evaluation.bits_per_dimension import bits_per_dimension
from hiervae.evaluation.disentanglement import Disentanglement, disentanglement
from hiervae.evaluation.elbo_decomposition import ELBODecomposition, elbo_decomposition
from hiervae.evaluation.gibbs_chain import GibbsChain, gibbs_chain
from hiervae.evaluation.kl_history import KLHistory, kl_history
from hiervae.evaluation.kl_profile import KLProfile, KLTerm, kl_profile
from hiervae.evaluation.latent_pca import PrincipalComponents, latent_pca
from hiervae.evaluation.log_likelihood_histogram import (
    LogLikelihoodHistogram,
    log_likelihood_histogram,
)
from hiervae.evaluation.noise_sweep import noise_sweep
from hiervae.evaluation.polar_regression import PolarRegression, polar_regression
from hiervae.evaluation.rate_distortion import RateDistortion, rate_distortion
from hiervae.evaluation.traversal import traversal

__all__ = [
    "ActiveUnits",
    "Disentanglement",
    "ELBODecomposition",
    "GibbsChain",
    "KLHistory",
    "KLProfile",
    "KLTerm",
    "LogLikelihoodHistogram",
    "PolarRegression",
    "PrincipalComponents",
    "RateDistortion",
    "active_units",
    "bits_per_dimension",
    "disentanglement",
    "elbo_decomposition",
    "gibbs_chain",
    "kl_history",
    "kl_profile",
    "latent_pca",
    "log_likelihood_histogram",
    "noise_sweep",
    "polar_regression",
    "rate_distortion",
    "traversal",
]
