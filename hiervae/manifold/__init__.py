"""Graph-based interpolation along the learned manifold and its smoothness."""

from hiervae.manifold.latent_graph import LatentGraph
from hiervae.manifold.path import Path
from hiervae.manifold.smoothness import smoothness
from hiervae.manifold.smoothness_profile import SmoothnessProfile, smoothness_profile

__all__ = ["LatentGraph", "Path", "SmoothnessProfile", "smoothness", "smoothness_profile"]
