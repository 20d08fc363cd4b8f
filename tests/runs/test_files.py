import json
import math
from pathlib import Path

import numpy as np
import pytest

from hiervae.errors import DamagedFileError
from hiervae.runs.files import plain, read_json, write_json


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("name", ["none/a.json", "folder"])
def test_an_error_names_the_file_that_was_asked_for(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="No such file|Is a directory") as caught:
        write_json(tmp_path / name, {})
    assert caught.value.filename == str(tmp_path / name)
    assert ".tmp" not in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_plain_values_are_json():
    record = {"a": np.float32(0.5), "b": (np.arange(2), Path("p")), "c": math.nan, 1: [math.inf, 2]}
    assert plain(record) == {"a": 0.5, "b": [[0, 1], "p"], "c": None, "1": [None, 2]}
    assert json.loads(json.dumps(plain(record))) == plain(record)


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_what_is_no_object_is_damaged(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DamagedFileError, match=r"a\.json"):
        read_json(tmp_path / "a.json")
