"""Isolation from the machine's own data, and writers of the published formats."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hiervae.datasets.store import FileStore


@pytest.fixture(autouse=True)
def isolated(request, monkeypatch, tmp_path):
    """No test sees data outside its own folder, but those marked `data` see HIERVAE_DATA."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    if request.node.get_closest_marker("data"):
        if not os.environ.get("HIERVAE_DATA"):
            pytest.skip("HIERVAE_DATA is not set")
    else:
        monkeypatch.delenv("HIERVAE_DATA", raising=False)
        if "published_checksums" not in request.fixturenames:
            monkeypatch.setattr(FileStore, "_compare", lambda *arguments: None)


@pytest.fixture
def published_checksums():
    """For a test that wants the files' checksums compared: no tiny file has the published one."""


class Published:
    """Writes tiny files byte by byte as the formats' publishers do."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, folder: str, name: str, content: bytes) -> Path:
        path = self.root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
        return path

    @staticmethod
    def idx(values: np.ndarray) -> bytes:
        header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
        return header + values.astype(np.uint8).tobytes()

    @staticmethod
    def amat(rows: np.ndarray) -> bytes:
        return "".join(" ".join(map(str, row)) + "\n" for row in rows.tolist()).encode()

    @staticmethod
    def norb(values: np.ndarray) -> bytes:
        magic = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}[values.dtype.name]
        shape = [*values.shape, 1, 1][: max(values.ndim, 3)]
        header = struct.pack(f"<II{len(shape)}I", magic, values.ndim, *shape)
        return header + values.astype(values.dtype.newbyteorder("<")).tobytes()

    @staticmethod
    def matlab(**variables: np.ndarray) -> bytes:
        import scipy.io

        stream = io.BytesIO()
        scipy.io.savemat(stream, variables, do_compression=True)
        return stream.getvalue()

    @staticmethod
    def picture(pixels: np.ndarray, kind: str = "PNG", **options) -> bytes:
        image = pytest.importorskip("PIL.Image")
        stream = io.BytesIO()
        image.fromarray(pixels).save(stream, kind, **options)
        return stream.getvalue()

    @staticmethod
    def zip(members: dict[str, bytes]) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return stream.getvalue()

    @staticmethod
    def tar(members: dict[str, bytes], mode: str = "w") -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode) as archive:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return stream.getvalue()


@pytest.fixture
def published(tmp_path) -> Published:
    return Published(tmp_path / "data")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240601)
