"""Files made from published ones once, so that later loads are fast or need little memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from hiervae.datasets.atomic import written_beside
from hiervae.datasets.file_store import FileStore, cache_directory


def derived_file(
    store: FileStore, sources: Sequence[Path], suffix: str, write: Callable[[IO[bytes]], None]
) -> Path:
    """The file made from `sources`, made now if it does not exist.

    It lies in the package's folder of the Keras cache, under a name that depends on the sources'
    sizes and times, so a changed source is never read through an old copy. It is written beside
    its place and renamed when complete.

    Args:
        store: names the data set.
        sources: the files it is made from.
        suffix: end of its name.
        write: writes the content to the stream it is given.

    Raises:
        DataError: if the cache folder cannot be written.
    """
    digest = hashlib.sha256()
    for source in sources:
        facts = source.stat()
        digest.update(f"{source.resolve()} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    folder = cache_directory() / store.info.name
    target = folder / f"{sources[0].name.split('.')[0]}-{digest.hexdigest()[:16]}{suffix}"
    if target.exists():
        return target
    with written_beside(target) as stream:
        write(stream)
    return target
