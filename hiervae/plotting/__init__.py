"""Pictures of data, latent spaces and training; every function returns a Matplotlib figure."""

from hiervae.plotting.beta_update_surface import beta_update_surface
from hiervae.plotting.control_history import control_history
from hiervae.plotting.image_grid import image_grid
from hiervae.plotting.interpolation_strip import interpolation_strip
from hiervae.plotting.kl_levels import kl_levels, kl_units
from hiervae.plotting.latent_snapshots import LatentSnapshot, latent_snapshots
from hiervae.plotting.latent_space import latent_space
from hiervae.plotting.reconstructions import reconstructions
from hiervae.plotting.training_curves import training_curves

__all__ = [
    "LatentSnapshot",
    "beta_update_surface",
    "control_history",
    "image_grid",
    "interpolation_strip",
    "kl_levels",
    "kl_units",
    "latent_snapshots",
    "latent_space",
    "reconstructions",
    "training_curves",
]
