"""The papers' models by name, with the settings they are trained with."""

from hiervae.presets.catalogue import build, get, names
from hiervae.presets.preset import Preset

__all__ = ["Preset", "build", "get", "names"]
