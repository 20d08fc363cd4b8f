"""Motion files."""

import numpy as np
import pytest

from hiervae.datasets.motion import read_amc
from hiervae.errors import DamagedFileError

TEXT = """#!OML:ASF x
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 4 5 6
arm -1.6201e-014 7.5
2
root 1.5 2 3 4 5 6
arm 0 8
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_reads(tmp_path, ending):
    path = tmp_path / "a.amc"
    path.write_bytes(TEXT.replace("\n", ending).encode())
    motion = read_amc(path)
    assert motion.layout == (("root", 6), ("arm", 2))
    np.testing.assert_array_equal(
        motion.values, [[1, 2, 3, 4, 5, 6, -1.6201e-14, 7.5], [1.5, 2, 3, 4, 5, 6, 0, 8]]
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("arm 0 8\n", "", "ends within a frame"),
        ("arm 0 8\n", "arm 0\n", "ends within a frame"),
        ("arm 0 8", "leg 0 8", "frame 2"),
        ("\n2\n", "\n3\n", "frame 2"),
        ("arm 0 8", "arm 0 x", "could not convert"),
        ("arm 0 8", "arm 0 nan", "not finite"),
        ("\n1\n", "\n0\n", "no motion file"),
        ("arm -", "root -", "no motion file"),
        (TEXT, "", "no motion file"),
        ("arm 0 8", "arm 0\n8", "ends within a frame"),
    ],
)
def test_damage_is_named(tmp_path, old, new, message):
    path = tmp_path / "a.amc"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(DamagedFileError, match=message) as caught:
        read_amc(path)
    assert "a.amc" in str(caught.value)


def test_binary_is_refused(tmp_path):
    (tmp_path / "a.amc").write_bytes(b"\xff\xfe\0\1")
    with pytest.raises(DamagedFileError, match="is no text"):
        read_amc(tmp_path / "a.amc")
