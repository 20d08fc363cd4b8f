"""`HierarchicalVAE`, and what its training, scoring and inspection are made of."""

from hiervae.model.hierarchical_vae import HierarchicalVAE

__all__ = ["HierarchicalVAE"]
