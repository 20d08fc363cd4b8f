import gc
import io
import math
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hiervae
from hiervae.callbacks.event_writer import EventWriter
from hiervae.errors import HiervaeError

WITHOUT_TENSORFLOW = """
import sys, types

attempts = []

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "keras"):
            attempts.append(name)

sys.meta_path.insert(0, Watch())
# The packages above the module, without their own imports (Keras, which may use TensorFlow).
for name, path in (("hiervae", sys.argv[1]), ("hiervae.callbacks", sys.argv[1] + "/callbacks")):
    package = types.ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package
from hiervae.callbacks.event_writer import EventWriter

writer = EventWriter(sys.argv[2])
writer.scalar("elbo", -90.0, 1)
writer.image("samples", bytes(24), 1)
writer.close()
print(attempts)
"""


def record_lengths(path: Path) -> list[int]:
    """Lengths of the records of a file; fails on a half record."""
    content, position, lengths = path.read_bytes(), 0, []
    while position < len(content):
        (length,) = struct.unpack_from("<Q", content, position)
        position += 8 + 4 + length + 4
        lengths.append(length)
    assert position == len(content)
    return lengths


def test_scalars_are_read_back_by_tensorboard(tmp_path, read_scalars):
    writer = EventWriter(tmp_path)
    writer.scalar("elbo", -90.5, 10)
    writer.scalars({"elbo": -88.25, "kl": 25.0}, 20)
    writer.close()
    assert read_scalars(tmp_path) == {"elbo": {10: -90.5, 20: -88.25}, "kl": {20: 25.0}}


def test_values_that_are_not_finite_are_kept(tmp_path, read_scalars):
    writer = EventWriter(tmp_path)
    writer.scalars({"a": math.nan, "b": math.inf, "c": -math.inf}, 1)
    found = {tag: series[1] for tag, series in read_scalars(tmp_path).items()}
    writer.close()
    np.testing.assert_equal(found, {"a": math.nan, "b": math.inf, "c": -math.inf})


def test_image_is_read_back_by_tensorboard(tmp_path, read_events):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    image.fromarray(pixels).save(buffer, format="PNG")
    writer = EventWriter(tmp_path)
    writer.image("samples", buffer.getvalue(), 3)
    writer.close()
    (event,) = read_events(tmp_path).Images("samples")
    assert (event.step, event.height, event.width) == (3, 5, 7)
    assert event.encoded_image_string == buffer.getvalue()


def test_records_are_on_disk_without_closing(tmp_path, read_scalars):
    writer = EventWriter(tmp_path)
    writer.scalar("elbo", -1.0, 1)
    assert read_scalars(tmp_path) == {"elbo": {1: -1.0}}
    writer.close()


def test_files_of_one_directory_are_read_in_the_order_of_writing(tmp_path, read_scalars):
    for step in range(1, 13):
        writer = EventWriter(tmp_path, first_step=step)
        writer.scalar("a", float(step), step)
        writer.close()
    assert list(read_scalars(tmp_path)["a"]) == list(range(1, 13))


def test_a_resumed_run_replaces_the_later_steps(tmp_path, read_scalars):
    for first_step, value in ((1, 0.0), (3, 1.0)):
        writer = EventWriter(tmp_path, first_step)
        for step in range(first_step, 5):
            writer.scalar("a", value, step)
        writer.close()
    assert read_scalars(tmp_path)["a"] == {1: 0.0, 2: 0.0, 3: 1.0, 4: 1.0}


def test_close_twice_and_forgotten_close(tmp_path):
    writer = EventWriter(tmp_path)
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="closed file"):
        writer.scalar("a", 1.0, 1)
    EventWriter(tmp_path)  # An unclosed file would be a ResourceWarning here, an error in tests.
    gc.collect()


def test_neither_tensorflow_nor_keras_is_imported(tmp_path):
    package = Path(hiervae.__file__).parent
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, str(package), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"


def test_missing_tensorboard_names_the_install_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(HiervaeError, match=r'pip install "hiervae\[monitoring\]"') as caught:
        EventWriter(tmp_path / "runs")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_unwritable_directory(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HiervaeError, match="Cannot write TensorBoard events to") as caught:
        EventWriter(tmp_path / "file" / "runs")
    assert "\n" not in str(caught.value)
    assert "log_dir" in str(caught.value)


def test_a_record_that_does_not_fit_is_cut_off(tmp_path, file_size_limit, read_scalars):
    writer = EventWriter(tmp_path)
    size = writer.path.stat().st_size
    writer.scalar("a", 1.0, 1)
    record = writer.path.stat().st_size - size
    with file_size_limit(size + 9 * record + record // 2):
        for step in range(2, 10):
            writer.scalar("a", 1.0, step)
        with pytest.raises(OSError, match="File too large"):
            writer.scalar("a", 1.0, 10)
    writer.close()
    assert len(record_lengths(writer.path)) == 2 + 9
    assert list(read_scalars(tmp_path)["a"]) == list(range(1, 10))


def test_no_room_for_the_first_record(tmp_path, file_size_limit):
    with file_size_limit(10), pytest.raises(HiervaeError, match="File too large"):
        EventWriter(tmp_path)
    assert list(tmp_path.iterdir()) == []
