"""Data sets of other distributions."""

import sys
from textwrap import dedent

import numpy
import pytest

from hiervae import datasets
from hiervae.errors import (
    BrokenPluginError,
    DamagedFileError,
    DataError,
    DatasetNotFoundError,
    IncompatiblePluginError,
    PluginConflictError,
    UnknownPluginError,
)
from tests.support.functions import DATASET, install_plugin
from tests.support.site import clean, new_site, site

__all__ = ["clean", "new_site", "site"]

GROUP = "hiervae.datasets"


def offer(site, source):
    site.module("toy_other", source)
    site.distribution("toy-other", {GROUP: {"other": "toy_other:load"}})


def test_it_is_listed_without_import_and_loaded_by_name(site):
    install_plugin(site)
    assert "moons" in datasets.names()
    assert "toy_moons" not in sys.modules
    assert datasets.describe("moons").title == "Moons"
    for name in ("moons", "toy-plugin:moons"):
        data = datasets.load(name, num_examples=7)
        assert data.train.shape == (7, 4)
        assert data.info.name == "moons"
        assert data.info.options == {"num_examples": 7, "seed": 0}


def test_its_options_are_checked_where_they_are_annotated(site):
    install_plugin(site)
    with pytest.raises(DataError, match="num_examples='7'; expected int"):
        datasets.load("moons", num_examples="7")
    with pytest.raises(DataError, match="its options are: num_examples, seed"):
        datasets.load("moons", size=7)
    assert datasets.load("moons", seed=[1, 2]).train.shape == (40, 4)


@pytest.mark.parametrize(
    ("kind", "taken", "refused"),
    [
        ("list[int]", [[], [1, 2]], [["1"], [0.5], [True], 3, "12"]),
        ("tuple[float, ...]", [[], [1, 0.5], (2,)], [["a"], [None]]),
        ("tuple[int, str]", [[1, "a"]], [[1], [1, "a", 2], ["a", 1]]),
        ("tuple", [[1, "a"]], [3]),
        ("dict[str, list[float]] | None", [None, {}, {"a": [1]}], [{"a": 1}, {"a": ["b"]}, []]),
        ("dict[int, str]", [{1: "a"}, {"1": "a"}], [{1: 2}, {0.5: "a"}]),
        ("set[int]", [{1, 2}], [{"a"}]),
        ("Sequence[str]", [["a"], ("a", "b")], ["ab", [1]]),
        ("Iterable[str]", [["a"]], [b"ab", [None]]),
        ("list[dict[str, int | None]]", [[{"a": None}, {}]], [[{"a": "b"}], [3]]),
        ("list[Literal['a', 1]]", [["a", 1]], [["b"], [True]]),
        ("list[Any]", [[1, "a", None]], [3]),
        ("Annotated[list[int], 'of any length']", [[1]], [["a"]]),
        ("list[T]", [[1, "a"]], ["a"]),
        ("Callable[[int], int]", [abs], [3]),
        ("numpy.float32", [numpy.float32(0.5)], [0.5]),
    ],
)
def test_what_is_in_its_collections_is_checked(site, kind, taken, refused):
    heading = (
        "import numpy\nfrom collections.abc import Callable, Iterable, Sequence\n"
        "from typing import Annotated, Any, Literal, TypeVar\nT = TypeVar('T')\n"
    )
    offer(site, heading + dedent(DATASET).replace("seed=0)", f"seed=0, extra: {kind} = 'unset')"))
    for value in (*taken, "unset"):
        assert datasets.load("other", extra=value).info.options["extra"] == value
    for value in refused:
        with pytest.raises(DataError, match="has the option extra=.*; expected "):
            datasets.load("other", extra=value)


def test_an_iterator_is_not_used_up_by_the_check(site):
    source = "from collections.abc import Iterable\n" + dedent(DATASET)
    source = source.replace("seed=0)", "seed=0, extra: Iterable[int] = ())")
    offer(site, source.replace("return Dataset", "assert list(extra) == [1, 2]; return Dataset"))
    assert datasets.load("other", extra=iter([1, 2])).train.shape == (40, 4)


def test_annotations_for_type_checking_alone_are_passed_over(site):
    offer(site, DATASET.replace("num_examples: int", "num_examples: 'Unknown'"))
    assert datasets.load("other", num_examples=7).train.shape == (7, 4)


def test_the_name_is_that_of_the_entry_point(site):
    offer(site, DATASET)
    assert datasets.describe("other").name == "other"
    assert datasets.load("other").info.name == "other"


def test_a_folder_of_the_name_does_not_hide_it(site, tmp_path, monkeypatch):
    install_plugin(site)
    (tmp_path / "moons").mkdir()
    monkeypatch.chdir(tmp_path)
    assert datasets.load("moons").info.title == "Moons"


def test_an_unknown_name_is_a_registry_error_and_a_missing_data_set(site):
    install_plugin(site)
    with pytest.raises(
        UnknownPluginError, match=r"Available: .*moons.*Did you mean 'moons'\?.*\.npz"
    ) as caught:
        datasets.load("mons")
    assert isinstance(caught.value, DatasetNotFoundError)


def test_two_of_one_name_are_a_conflict_with_a_way_out(site):
    install_plugin(site)
    site.distribution("toy-rival", {GROUP: {"pendulum": "toy_moons:load"}})
    with pytest.raises(PluginConflictError, match="'hiervae:pendulum' or 'toy-rival:pendulum'"):
        datasets.load("pendulum")
    small = {"num_images": 3, "valid_size": 1, "test_size": 1}
    assert datasets.load("hiervae:pendulum", **small).train.shape == (3, 16, 16)
    assert datasets.load("toy-rival:pendulum").train.shape == (40, 4)
    named = [row.name for row in datasets.status() if "pendulum" in row.name]
    assert named == ["hiervae:pendulum", "toy-rival:pendulum"]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("raise RuntimeError('off')", BrokenPluginError, "'toy-other' 1.0.*RuntimeError: off"),
        ("class load: pass", IncompatiblePluginError, "Expected a function"),
        ("def load(store): pass", IncompatiblePluginError, r"INFO in the module .* is None.*Data"),
        (
            DATASET + "\n    def load(store): return 3\n",
            IncompatiblePluginError,
            r"'toy-other' 1\.0.* is 3 of type int.*Expected its loader to return",
        ),
    ],
)
def test_a_broken_one_harms_nobody_until_asked_for(site, source, error, message):
    offer(site, source)
    assert "other" in datasets.names()
    small = datasets.load("pendulum", num_images=3, valid_size=1, test_size=1)
    assert small.train.shape == (3, 16, 16)
    with pytest.raises(error, match=message):
        datasets.load("other")


def test_the_status_of_a_broken_one_says_why(site):
    offer(site, "raise RuntimeError('out of order')")
    rows = {row.name: row for row in datasets.status()}
    assert set(rows) == set(datasets.names())
    assert not rows["other"].present
    assert "out of order" in rows["other"].problem
    assert not any(row.problem for name, row in rows.items() if name != "other")


def test_they_can_be_switched_off(site, monkeypatch):
    install_plugin(site)
    monkeypatch.setenv("HIERVAE_DISABLE_PLUGINS", "1")
    assert "moons" not in datasets.names()
    with pytest.raises(UnknownPluginError, match="HIERVAE_DISABLE_PLUGINS"):
        datasets.load("moons")


def test_a_broken_one_harms_no_set_whose_file_is_another_than_published(site, tmp_path):
    offer(site, "raise RuntimeError('off')")
    (tmp_path / "frey_rawface.mat").write_bytes(b"other bytes")
    with pytest.raises(DamagedFileError, match="frey_rawface"):
        datasets.load("frey_faces", tmp_path)


def test_a_loader_may_have_an_option_verify_of_its_own(site):
    offer(
        site,
        DATASET.replace("seed=0)", "seed=0, verify=3)")
        .replace("sizes=", "files=(RemoteFile('absent.npy'),), sizes=")
        .replace("import Dataset,", "import RemoteFile, Dataset,")
        .replace("return Dataset", "assert verify == 4; return Dataset"),
    )
    assert datasets.load("other", verify=4).info.options["verify"] == 4
