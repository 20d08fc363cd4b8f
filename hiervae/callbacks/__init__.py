"""Keras callbacks: steering beta, watching a training, and going on with one."""

from hiervae.callbacks.beta_controller import BetaController
from hiervae.callbacks.early_stopping import EarlyStopping
from hiervae.callbacks.image_monitor import ImageMonitor
from hiervae.callbacks.kl_monitor import KLMonitor
from hiervae.callbacks.latent_monitor import LatentMonitor
from hiervae.callbacks.resume import Resume
from hiervae.callbacks.tensorboard import TensorBoard

__all__ = [
    "BetaController",
    "EarlyStopping",
    "ImageMonitor",
    "KLMonitor",
    "LatentMonitor",
    "Resume",
    "TensorBoard",
]
