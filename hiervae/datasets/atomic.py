"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hiervae.errors import DataError


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
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = temporary.open("xb")
    except OSError as error:
        raise _failure(target, error) from error
    try:
        with stream:
            yield stream
        os.replace(temporary, target)
    except OSError as error:
        raise _failure(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _failure(target: Path, error: OSError) -> Exception:
    return DataError(
        f"{target} cannot be written: {error.strerror or error}. Choose a folder that is writable "
        "and has enough space (data_dir, HIERVAE_DATA or KERAS_HOME)."
    )
