"""Files that appear under their name only when they are complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hiervae.errors import DataError
from hiervae.utils.files import replacing


@contextmanager
def written_beside(target: Path) -> Iterator[IO[bytes]]:
    """Opens a new file beside `target` for writing and renames it when the block ends well.

    Args:
        target: the file to make or replace; its folder is made.

    Yields:
        The stream to write to.

    Raises:
        DataError: if the file cannot be written; nothing is left behind.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary, temporary.open("xb") as stream:
            yield stream
    except OSError as error:
        raise _failure(target, error) from error


def _failure(target: Path, error: OSError) -> Exception:
    return DataError(
        f"{target} cannot be written: {error.strerror or error}. Choose a folder that is writable "
        "and has enough space (data_dir, HIERVAE_DATA or KERAS_HOME)."
    )
