"""The papers' models by name, with the settings they are trained with.

A preset is a function `f(dataset=None, variant="paper")` that returns a `Preset`, named by an entry
point of the group `hiervae.presets`; plugins add theirs in the same way.
"""

from hiervae.presets.catalogue import build, get, names
from hiervae.presets.preset import Preset

__all__ = ["Preset", "build", "get", "names"]
