"""Files that a training goes on from: a model, what `fit` knew beside it, and checksums."""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from hiervae.errors import DamagedFileError
from hiervae.model.saving import FIT_STATE
from hiervae.utils.files import replacing

LATEST = "latest.keras"

_FORMAT = "hiervae checkpoint 1"
_WEIGHTS = "model.weights.h5"
_OF_KERAS = {"config.json", "metadata.json", _WEIGHTS}
_EARLIER = re.compile(r"epoch-(\d+)\.keras")
_CHUNK = 2**22


@dataclass(frozen=True)
class Checkpoint:
    """One whole checkpoint.

    Attributes:
        path: the file, which Keras loads as a model too.
        epoch: number of epochs that are over; None in a file that has no record of it.
        stopped: whether early stopping has ended the training.
        state: what `fit` knew beside the weights; None where it is not there.
        taken: batches of the epoch after those that were trained on.
        num_batches: of that epoch; 0 in a checkpoint of the end of one.
    """

    path: Path
    epoch: int | None
    stopped: bool
    state: bytes | None
    taken: int = 0
    num_batches: int = 0


def write_checkpoint(
    model: Any, path: Path, epoch: int, stopped: bool, taken: int = 0, num_batches: int = 0
) -> None:
    """Write a checkpoint whole or not at all; the arguments are the attributes of `Checkpoint`.

    The record of it is the comment of the archive: with more members than its own three, Keras
    unpacks the archive to disk before it reads it.

    Raises:
        OSError: if it cannot be written.
    """
    with replacing(path) as temporary:
        model.save(temporary)
        record = {
            "format": _FORMAT,
            "epoch": epoch,
            "stopped": stopped,
            "taken": taken,
            "num_batches": num_batches,
            "sha256": _checksums(temporary),
        }
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.comment = json.dumps(record).encode()


def read_checkpoint(path: Path) -> Checkpoint:
    """Read all but the model, and compare the checksums of everything.

    Raises:
        OSError: if the file cannot be read.
        DamagedFileError: if it is damaged.
    """
    try:
        checksums = _checksums(path)
        with zipfile.ZipFile(path) as archive:
            if not checksums.keys() >= _OF_KERAS:  # such as the end of an archive cut short
                raise DamagedFileError("it holds no model")
            if not archive.comment:
                return Checkpoint(path, None, False, None)
            record = json.loads(archive.comment)
            if record["format"] != _FORMAT or record["sha256"] != checksums:
                raise DamagedFileError("its checksums differ")
            state = _state_in(archive)
            return Checkpoint(
                path,
                int(record["epoch"]),
                bool(record["stopped"]),
                state,
                int(record.get("taken", 0)),
                int(record.get("num_batches", 0)),
            )
    except OSError:
        raise
    except Exception as error:  # a damaged archive raises nearly anything
        raise DamagedFileError(f"{path} is damaged ({error}).") from error


def _state_in(archive: zipfile.ZipFile) -> bytes | None:
    with archive.open(_WEIGHTS) as stream, h5py.File(stream, "r") as weights:
        own = weights.get(f"vars/{FIT_STATE}")
        return None if own is None else np.asarray(own).tobytes()


def earlier_name(epoch: int) -> str:
    """Name of a checkpoint that is not the latest any more."""
    return f"epoch-{epoch:06d}.keras"


def earlier_files(folder: Path) -> list[Path]:
    """The checkpoints before the latest, the newest first."""
    found = [entry for entry in folder.iterdir() if _EARLIER.fullmatch(entry.name)]
    return sorted(found, key=lambda entry: entry.name, reverse=True)


def epoch_in_name(path: Path) -> int:
    """The epoch that `earlier_name` was given."""
    match = _EARLIER.fullmatch(path.name)
    return int(match[1]) if match else 0


def keep_as_earlier(latest: Path, epoch: int) -> None:
    """Give the latest checkpoint a second name, under which it stays when it is replaced.

    Raises:
        OSError: if that is not possible.
    """
    target = latest.with_name(earlier_name(epoch))
    target.unlink(missing_ok=True)
    try:
        os.link(latest, target)
    except OSError:  # a file system without links; for a moment there is no latest one then
        os.replace(latest, target)


def _checksums(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: _digest(archive, name) for name in archive.namelist()}


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(name) as stream:
        for chunk in _chunks(stream):
            digest.update(chunk)
    return digest.hexdigest()


def _chunks(stream: Any) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk
