"""Priors that are fitted after training."""

from hiervae_posthoc.fitting import fit_prior
from hiervae_posthoc.mixture import PostHocMixture

__all__ = ["PostHocMixture", "fit_prior"]
