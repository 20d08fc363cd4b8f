"""Discovery and resolution of plugins.

Every part of a model is a plugin: a class that an installed distribution names under one of the
entry-point groups in `GROUPS`. Data sets and presets are found the same way, by a function each.
Names are listed from installed metadata, without importing anything; only what is asked for is
imported. The registry knows none of the parts, sets or presets.

Example:
    >>> from hiervae import registry
    >>> "vhp" in registry.available("hiervae.priors")
    True

With the environment variable `HIERVAE_DISABLE_PLUGINS=1` only what hiervae itself offers exists.
"""

from hiervae.registry.catalogue import available, entries, override, refresh
from hiervae.registry.construction import InvalidOptionError, create
from hiervae.registry.entries import PluginEntry
from hiervae.registry.records import describe, restore
from hiervae.registry.resolution import load
from hiervae.registry.roles import GROUPS, ROLES, Role

__all__ = [
    "GROUPS",
    "ROLES",
    "InvalidOptionError",
    "PluginEntry",
    "Role",
    "available",
    "create",
    "describe",
    "entries",
    "load",
    "override",
    "refresh",
    "restore",
]
