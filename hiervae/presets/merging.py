"""Laying settings over settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(base: Any, change: Any) -> Any:
    """Return `change` laid over `base`, key by key; anything but two configs is replaced.

    A part given by its name alone counts as a config with that name. A part of another name
    replaces the old one, options included.
    """
    if not isinstance(change, Mapping):
        return change
    if isinstance(base, str):
        base = {"name": base}
    if not isinstance(base, Mapping) or _is_other_part(base, change):
        base = {}
    return {**base, **{key: merge(base.get(key), value) for key, value in change.items()}}


def _is_other_part(base: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    return "name" in base and "name" in change and base["name"] != change["name"]
