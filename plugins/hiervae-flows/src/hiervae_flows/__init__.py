"""Normalising flows for hiervae."""

from hiervae_flows.posterior import InverseAutoregressivePosterior
from hiervae_flows.priors import InverseAutoregressiveFlow, MaskedAutoregressiveFlow, RealNVP

__all__ = [
    "InverseAutoregressiveFlow",
    "InverseAutoregressivePosterior",
    "MaskedAutoregressiveFlow",
    "RealNVP",
]
