"""The exception of options that a part does not accept."""

from __future__ import annotations

from hiervae.errors import HiervaeError


class InvalidOptionError(HiervaeError, ValueError):
    """An option of a part is unknown, missing or has a value the part refuses."""
