"""One process at a time in a folder."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from hiervae.errors import HiervaeError

_HELD: weakref.WeakSet[_Lock] = weakref.WeakSet()


class _Lock:
    """An open folder that is locked; a forked child gives its copy up, its parent keeps it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        _HELD.add(self)

    def close(self) -> None:
        _HELD.discard(self)
        with suppress(OSError):
            os.close(self.descriptor)


def _close_copies() -> None:
    for lock in list(_HELD):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_copies)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder that exists; nobody else can within the context.

    The operating system holds the lock, so that one of a process that was killed is gone with it,
    and no file is left behind. Where it offers none (Windows, some network file systems), nothing
    is held.

    Args:
        folder: an existing folder.

    Raises:
        HiervaeError: if another process, or another training in this one, holds it.
    """
    if find_spec("fcntl") is None:
        yield
        return
    import fcntl

    lock = _Lock(os.open(folder, os.O_RDONLY))
    try:
        try:
            fcntl.flock(lock.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HiervaeError(
                f"{folder} is in use: another training, perhaps in another process, goes on in "
                "it; expected one at a time. Wait until it ends, or stop it."
            ) from error
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        lock.close()
