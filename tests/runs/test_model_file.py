"""What a model file promises is compared with its size before it is read."""

import io
import zipfile

import h5py
import pytest

from hiervae.datasets.readers import bounded
from hiervae.errors import DamagedFileError
from hiervae.runs.model_file import load_model


def write(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", ".", name.count("_")), content)
    return path


def weights(shape):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("kernel", shape, "float32", chunks=True, compression="gzip")
    return stream.getvalue()


def test_members_that_inflate_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded, "_FREE_BYTES", 2**16)
    path = write(tmp_path / "model.keras", config_json=b" " * 2**22)
    with pytest.raises(DamagedFileError, match="a model"):
        load_model(path)


def test_arrays_that_inflate_are_refused(tmp_path):
    path = write(tmp_path / "model.keras", config_json="{}", model_weights_h5=weights((10**9,)))
    with pytest.raises(DamagedFileError, match="weights"):
        load_model(path)


def test_a_config_of_endless_depth_is_refused(tmp_path):
    path = write(
        tmp_path / "model.keras",
        config_json="[" * 100_000,
        metadata_json="{}",
        model_weights_h5=weights((3,)),
    )
    with pytest.raises(DamagedFileError, match="cannot be read as a model"):
        load_model(path)
