"""Files that are written whole or not at all."""

import errno

import pytest

from hiervae.utils.files import replacing


def fill_the_disk(path):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "full")


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(OSError, match="full"):
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
