"""Discovery and resolution of plugins.

Every part of a model is a plugin: a class that an installed distribution names under one of the
entry-point groups in `GROUPS`. Names are listed from installed metadata, without importing
anything; only the part asked for is imported. The registry knows none of the parts.

Example:
    >>> from hiervae import registry
    >>> "vhp" in registry.available("hiervae.priors")
    True

With the environment variable `HIERVAE_DISABLE_PLUGINS=1` only the built-in parts exist.
"""

from hiervae.registry.catalogue import available, entries, refresh
from hiervae.registry.creation import create
from hiervae.registry.errors import InvalidOptionError
from hiervae.registry.groups import GROUPS, ROLES, Role
from hiervae.registry.overrides import override
from hiervae.registry.plugin_entry import PluginEntry
from hiervae.registry.records import describe, restore
from hiervae.registry.resolution import load

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
