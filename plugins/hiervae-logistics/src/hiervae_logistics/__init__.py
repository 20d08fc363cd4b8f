"""Mixtures of discretised logistics for hiervae."""

from hiervae_logistics.logistic_mixture import LogisticMixture

__all__ = ["LogisticMixture"]
