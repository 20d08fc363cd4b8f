"""Names of the pictures that commands draw."""

from __future__ import annotations

from collections.abc import Mapping


def picture_name(
    name: str, settings: Mapping[str, object], default: Mapping[str, object] | None = None
) -> str:
    """A picture's name with what changes it, so that no other picture takes its place.

    A setting that is at its default is left out, so that the picture of a plain call has a short
    name; one that is true stands for itself.

    Args:
        name: of the picture without options.
        settings: what it is drawn with, as `hiervae.reports` knows it to write the caption.
        default: their defaults; None where there is none.

    Example:
        >>> picture_name("samples_seed_0", {"num": 5, "noise": True}, {"num": 64, "noise": False})
        'samples_seed_0_num_5_noise'
    """
    default = default or {}
    parts = [name]
    for key, value in settings.items():
        if value is True and default.get(key) is not True:
            parts.append(key)
        elif value is not None and value != default.get(key):
            parts.append(f"{key}_{shown(value)}")
    return "_".join(parts)


def shown(value: object) -> str:
    """A value as it is part of a name: whole numbers without a point."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
