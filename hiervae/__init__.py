"""Hierarchical variational autoencoders composed from plugins, on JAX, TensorFlow and PyTorch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hiervae.utils.startup import runs_as_command

if TYPE_CHECKING or not runs_as_command():
    from hiervae import (
        callbacks,
        datasets,
        evaluation,
        manifold,
        optimizers,
        plotting,
        presets,
        registry,
        testing,
    )
    from hiervae.model import HierarchicalVAE

__version__ = "0.1.0"

__all__ = [
    "HierarchicalVAE",
    "callbacks",
    "datasets",
    "evaluation",
    "manifold",
    "optimizers",
    "plotting",
    "presets",
    "registry",
    "testing",
]


def __getattr__(name: str) -> Any:
    """In the command, which imports Keras as late as it can, the public names on first use."""
    if name == "HierarchicalVAE":
        return import_module("hiervae.model").HierarchicalVAE
    if name in __all__:
        return import_module(f"hiervae.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
