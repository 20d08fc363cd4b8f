"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TEMPORARY = re.compile(r"\..*\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.tmp(\.[^.]*)?")
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it replaces `path` if all goes well.

    The temporary file keeps the suffix, which some writers read the format from, and is gone
    afterwards whatever happens. Those that killed processes left for `path` are removed first.

    Raises:
        OSError: if the file cannot be written or take its place; it names `path`.
    """
    remove_abandoned(path.parent, f".{path.stem}.")
    unique = f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.stem}.{unique}.tmp{path.suffix}")
    try:
        with naming(path, temporary):
            yield temporary
            os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Let errors of writing name the file that was to be written.

    What comes from a full disk often names no file, or the temporary one.

    Args:
        path: the file.
        temporary: what stands for it until it is complete.

    Raises:
        OSError: if the disk is full, or the file cannot be written; it names `path`.
    """
    try:
        yield
    except OSError as error:
        named = None if error.filename is None else str(error.filename)
        if named not in (None, str(temporary)):
            raise
        number = error.errno or _number_in(error) or errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error
    except (RuntimeError, ValueError) as error:  # HDF5's way to say it
        found = _number_in(error)
        if found is None:
            raise
        raise OSError(found, os.strerror(found), str(path)) from error


def remove_abandoned(folder: Path, prefix: str = ".") -> None:
    """Remove half-written temporary files of processes on this machine that are gone.

    Args:
        folder: where they lie; not the folders in it.
        prefix: how their names begin.
    """
    with suppress(OSError):
        for entry in os.scandir(folder):
            match = _TEMPORARY.fullmatch(entry.name) if entry.name.startswith(prefix) else None
            if match and match[1] == _machine() and not _is_alive(int(match[2])):
                with suppress(OSError):
                    os.unlink(entry.path)


def _machine() -> str:
    """Eight digits for the machine, or container, in which process numbers mean something."""
    place = socket.gethostname()
    with suppress(OSError):  # Linux alone has it
        place += os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(place.encode()).hexdigest()[:8]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _number_in(error: BaseException) -> int | None:
    """The error number of a full disk that an error, or what it comes from, tells of."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _OF_THE_DISK:
            return cause.errno
        for number in _OF_THE_DISK:
            if os.strerror(number) in str(cause):
                return number
        cause = cause.__cause__ or cause.__context__
    return None
