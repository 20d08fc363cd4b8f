"""Pictures of data, latent spaces and training; every function returns a Matplotlib figure."""

from hiervae.plotting.active_units import active_units
from hiervae.plotting.beta_update_surface import beta_update_surface
from hiervae.plotting.control_history import control_history
from hiervae.plotting.disentanglement import disentanglement
from hiervae.plotting.image_grid import image_grid
from hiervae.plotting.interpolation_strip import interpolation_strip
from hiervae.plotting.kl_history import kl_history
from hiervae.plotting.kl_levels import kl_levels, kl_units
from hiervae.plotting.latent_pca import latent_pca
from hiervae.plotting.latent_snapshots import LatentSnapshot, latent_snapshots
from hiervae.plotting.latent_space import latent_space
from hiervae.plotting.log_likelihoods import log_likelihood_histogram
from hiervae.plotting.rate_distortion import rate_distortion
from hiervae.plotting.reconstructions import reconstructions
from hiervae.plotting.smoothness import smoothness
from hiervae.plotting.training_curves import training_curves

__all__ = [
    "LatentSnapshot",
    "active_units",
    "beta_update_surface",
    "control_history",
    "disentanglement",
    "image_grid",
    "interpolation_strip",
    "kl_history",
    "kl_levels",
    "kl_units",
    "latent_pca",
    "latent_snapshots",
    "latent_space",
    "log_likelihood_histogram",
    "rate_distortion",
    "reconstructions",
    "smoothness",
    "training_curves",
]
