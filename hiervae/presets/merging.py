"""Laying settings over settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(base: Any, change: Any) -> Any:
    """Return `change` laid over `base`, key by key; anything but two configs is replaced.

    A part given by its name alone counts as a config with that name. A part of another name, or a
    Keras object of another class, replaces the old one, options included.
    """
    if not isinstance(change, Mapping):
        return change
    if isinstance(base, str):
        base = {"name": base}
    if not isinstance(base, Mapping) or _is_another(base, change):
        base = {}
    return {**base, **{key: merge(base.get(key), value) for key, value in change.items()}}


def _is_another(base: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    """Whether both name what they are a config of, and differ."""
    if "name" in base and "name" in change:
        return bool(base["name"] != change["name"])
    classes = [config.get("class_name") for config in (base, change)]
    # Keras takes either case.
    return None not in classes and str(classes[0]).lower() != str(classes[1]).lower()
