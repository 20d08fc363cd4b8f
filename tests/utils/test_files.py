"""Files that are written whole or not at all."""

import errno
import os
import subprocess
import sys

import pytest

from hiervae.utils.files import remove_abandoned, replacing


def fill_the_disk(path):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "full")


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(OSError, match="No space left on device"):
        fill_the_disk(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_rights_of_any_other(tmp_path):
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")
    (tmp_path / "b.txt").write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_the_temporary_file_is_beside_and_keeps_the_suffix(tmp_path):
    with replacing(tmp_path / "m.keras") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".keras"
        temporary.write_text("x")
        assert not (tmp_path / "m.keras").exists()
    assert (tmp_path / "m.keras").read_text() == "x"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "full"),
        RuntimeError(f"Can't write data (errno = 28, '{os.strerror(errno.ENOSPC)}')"),
    ],
)
def test_a_full_disk_names_the_file(tmp_path, error):
    with (
        pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as caught,
        replacing(tmp_path / "a.txt"),
    ):
        raise error
    assert caught.value.filename == str(tmp_path / "a.txt")
    assert caught.value.errno == errno.ENOSPC


def test_errors_about_other_files_keep_their_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "a.txt"):
        (tmp_path / "other").read_text()
    assert caught.value.filename == str(tmp_path / "other")


def test_half_written_files_of_killed_processes_go(tmp_path):
    child = """
import os, pathlib, signal, sys
from hiervae.utils.files import remove_abandoned, replacing
with replacing(pathlib.Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", child, tmp_path / "a.txt"])
    (left,) = tmp_path.iterdir()
    assert ".tmp" in left.name
    with replacing(tmp_path / "b.txt") as running:
        running.write_text("x")
        remove_abandoned(tmp_path)
        assert not left.exists()
        assert running.exists(), "this one is being written"
