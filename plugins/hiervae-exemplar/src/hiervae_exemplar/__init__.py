"""Priors whose components are encoded examples."""

from hiervae_exemplar.exemplar import ExemplarPrior
from hiervae_exemplar.refreshing import refresh_exemplars
from hiervae_exemplar.vamp_mixture import VampMixture

__all__ = ["ExemplarPrior", "VampMixture", "refresh_exemplars"]
