"""Keras and its backend, imported only by the commands that need them."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path

from hiervae.errors import HiervaeError

BACKENDS = ("jax", "tensorflow", "torch")
CACHE_VARIABLE = "HIERVAE_COMPILED"
"""Names the folder for compiled programs; "0" keeps none."""


def require_keras() -> None:
    """Import Keras with the backend it is set to.

    Raises:
        HiervaeError: if the backend is not installed or not supported; the message says what to
            install or set.
    """
    backend = _configured_backend()
    installed = [name for name in BACKENDS if find_spec(name) is not None]
    instead = f"set KERAS_BACKEND={installed[0]}" if installed else "set KERAS_BACKEND"
    if backend not in BACKENDS:
        raise HiervaeError(
            f"Keras is set to use the backend {backend!r}; expected one of {', '.join(BACKENDS)}. "
            f"For this, {instead}."
        )
    if backend not in installed:
        raise HiervaeError(
            f"Keras is set to use the backend {backend!r}, which isn't installed; "
            f'pip install "hiervae[{backend}]" or {instead}.'
        )
    # TensorFlow's start-up messages would bury ours.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import hiervae.model  # noqa: F401 - also makes the model's class known to Keras
        from hiervae.backend import keep_compiled_programs
    except ImportError as error:
        raise HiervaeError(
            f"Keras with the backend {backend!r} cannot be imported ({error}). Install it again: "
            f'pip install --force-reinstall "hiervae[{backend}]"'
        ) from error
    folder = program_folder()
    if folder is not None:
        keep_compiled_programs(folder)


def program_folder() -> Path | None:
    """The folder for compiled programs, of `HIERVAE_COMPILED` or in the user's cache folder.

    Returns:
        None where none are to be kept.
    """
    chosen = os.environ.get(CACHE_VARIABLE, "")
    if chosen == "0":
        return None
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    return Path(chosen).expanduser() if chosen else caches / "hiervae" / "compiled"


def _configured_backend() -> str:
    """What Keras will use: its environment variable, its settings file, or TensorFlow."""
    chosen = os.environ.get("KERAS_BACKEND")
    if chosen:
        return chosen
    home = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser())
    try:
        return str(json.loads((home / "keras.json").read_text(encoding="utf-8"))["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow"
