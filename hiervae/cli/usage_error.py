"""The error of a command that was called wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hiervae.errors import DataError, HiervaeError, PluginConflictError, UnknownPluginError


class UsageError(HiervaeError):
    """The command was called wrongly; its exit status is 2."""


@contextmanager
def refused_as_usage() -> Iterator[None]:
    """What the package refuses within the context came from the command line's options."""
    try:
        yield
    except DataError:
        raise
    except (ValueError, UnknownPluginError, PluginConflictError) as error:
        raise UsageError(str(error)) from error
