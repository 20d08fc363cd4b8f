"""The text and JSON files of a run folder."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hiervae.errors import DamagedFileError
from hiervae.utils.files import replacing


def write_text(path: Path, text: str) -> None:
    """Write a text file.

    Raises:
        OSError: if it cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record as indented JSON.

    Raises:
        OSError: if the file cannot be written.
        TypeError: if a value has no JSON form.
    """
    write_text(path, dump_json(record))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        OSError: if the file cannot be read.
        DamagedFileError: if it holds no JSON object.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise DamagedFileError(
            f"{path} is nested deeper than any record of a run; restore the file."
        ) from error
    except ValueError as error:
        raise DamagedFileError(f"{path} is no JSON ({error}); restore the file.") from error
    if not isinstance(record, dict):
        raise DamagedFileError(f"{path} holds a {type(record).__name__}; expected a JSON object.")
    return record


def dump_json(record: Mapping[str, Any]) -> str:
    """A record as indented JSON with a final newline."""
    return json.dumps(plain(record), indent=2, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """`value` in JSON's types: arrays become lists, and what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, os.PathLike) else value
