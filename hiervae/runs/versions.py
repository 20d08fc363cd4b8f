"""The versions a run was made with."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

import keras
import numpy as np

from hiervae import registry
from hiervae.types import Config


def installed_versions() -> Config:
    """Versions of Python, Keras and its backend, NumPy, hiervae and the plugins' distributions."""
    backend = keras.backend.backend()
    rows = [row for group in registry.GROUPS for row in registry.entries(group)]
    plugins = {row.distribution: row.version for row in rows if row.distribution}
    return {
        "python": platform.python_version(),
        "platform": sys.platform,
        "hiervae": plugins.pop("hiervae", None),
        "keras": keras.version(),
        "backend": {"name": backend, "version": _version(backend)},
        "numpy": np.__version__,
        "plugins": plugins,
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # such as a build of TensorFlow under another name
        return None
