"""The user's own arrays."""

import io
import zipfile

import numpy as np
import pytest

from hiervae import datasets
from hiervae.datasets.splits import fraction_sizes
from hiervae.errors import DamagedFileError, DataError


@pytest.fixture
def values(rng):
    return rng.normal(size=(20, 3, 2))


def test_one_array_is_divided(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    data = datasets.load(tmp_path / "a.npy", valid_fraction=0.2, test_fraction=0.1, seed=3)
    assert [len(part) for part in (data.train, data.valid, data.test)] == [14, 4, 2]
    rows = np.concatenate([data.train, data.valid, data.test]).reshape(20, -1)
    expected = values.astype(np.float32).reshape(20, -1)
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(expected, axis=0))
    assert data.info.value_range == (None, None)
    assert data.info.likelihood == "gaussian"
    assert data.info.checksum.startswith("sha256:")
    assert data.train.dtype == np.float32


def test_named_splits_and_labels(tmp_path, values):
    np.savez(
        tmp_path / "a.npz",
        train=values[:10],
        valid=values[10:14],
        test=values[14:],
        train_labels=np.arange(10),
        test_labels=np.arange(6),
    )
    data = datasets.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(data.train, values[:10].astype(np.float32))
    np.testing.assert_array_equal(data.train_labels, np.arange(10))
    assert data.valid_labels is None
    np.testing.assert_array_equal(data.test, values[14:].astype(np.float32))


def test_labels_follow_their_examples(tmp_path):
    np.savez_compressed(
        tmp_path / "a.npz", train=np.arange(50.0)[:, None], train_labels=np.arange(50)
    )
    data = datasets.load(tmp_path / "a.npz")
    for split in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(data, split)[:, 0], getattr(data, f"{split}_labels"))


def test_bytes_are_scaled_and_binary_is_recognised(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[0, 255], [51, 0]] * 5, np.uint8))
    data = datasets.load(tmp_path / "a.npy", seed=None)
    np.testing.assert_allclose(data.train[:2], [[0, 1], [0.2, 0]])
    assert data.info.value_range == (0.0, 1.0)
    for dtype in (bool, np.uint8, np.int64, np.float64):
        binary = datasets.from_arrays(np.eye(10, dtype=dtype), seed=None)
        assert binary.info.likelihood == "bernoulli"
        assert binary.info.binarisation == "static"
        np.testing.assert_array_equal(binary.train, np.eye(10)[:8])


def test_a_split_of_zeros_and_ones_beside_bytes_is_black():
    """All bytes are of one scale, which the brightest of them tells."""
    greys, black = np.full((4, 3), 255, np.uint8), np.ones((2, 3), np.uint8)
    data = datasets.from_arrays(greys, black, test_fraction=0.25)
    np.testing.assert_allclose(data.train, 1.0)
    np.testing.assert_allclose(data.valid, 1.0 / 255.0)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_splits_of_different_scales(dtype):
    greys = np.full((4, 3), 200, np.uint8)
    with pytest.raises(DataError, match="train holds bytes.*test values.*from 200 to 200"):
        datasets.from_arrays(greys, greys, greys.astype(dtype))
    data = datasets.from_arrays(greys, greys, (greys / 255).astype("float32"))
    np.testing.assert_allclose(data.test, data.train)


def test_fortran_order_and_other_byte_order(tmp_path, values):
    np.save(tmp_path / "a.npy", np.asfortranarray(values).astype(">f8"))
    data = datasets.load(tmp_path / "a.npy", seed=None, valid_fraction=0, test_fraction=0)
    np.testing.assert_array_equal(data.train, values.astype(np.float32))
    assert data.train.dtype.isnative


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"train": np.array([[1.0, np.nan]] * 9)}, "NaN"),
        ({"train": np.array([[1e300]] * 9)}, "beyond float32"),
        ({"train": np.zeros((0, 3))}, r"shape \(0, 3\)"),
        ({"train": np.zeros(9)}, r"shape \(9,\)"),
        ({"train": np.zeros((9, 2), complex)}, "expected numbers"),
        ({"train": np.zeros((9, 2)), "valid": np.zeros((3, 3))}, "must agree"),
        ({"train": np.zeros((9, 2)), "train_labels": np.zeros(8)}, "one row for each"),
        ({"train": np.zeros((9, 2)), "test_labels": np.zeros(8)}, "without test examples"),
        (
            {"train": np.zeros((9, 2)), "train_labels": np.r_[np.zeros(8), np.nan]},
            r"train_labels holds nan at position \(8,\)",
        ),
        ({"a": np.zeros((9, 2)), "b": np.zeros((9, 2))}, "has the arrays a, b"),
        ({"train": np.array([["a"]] * 9)}, "expected numbers"),
    ],
)
def test_unusable_arrays_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises((DataError, DamagedFileError), match=message):
        datasets.load(tmp_path / "a.npz")


@pytest.mark.parametrize("value", [np.nan, 1e300])
def test_a_bad_value_is_found_in_the_array_that_was_given(tmp_path, values, value):
    values[7, 1, 0] = value
    for seed in range(5):  # whichever split the row goes to
        with pytest.raises(DataError, match=r"^train holds .* at position \(7, 1, 0\)"):
            datasets.from_arrays(values, seed=seed, valid_fraction=0.3, test_fraction=0.3)
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(DataError) as refusal:
        datasets.load(tmp_path / "a.npy")
    assert str(refusal.value).startswith(f"{tmp_path / 'a.npy'}: train holds {value:g} at position")


@pytest.mark.parametrize(
    "options",
    [
        {"valid_fraction": 1.0},
        {"test_fraction": -0.1},
        {"valid_fraction": 0.6, "test_fraction": 0.6},
        {"valid_fraction": "a"},
    ],
)
def test_fractions_out_of_range_are_refused(values, options):
    with pytest.raises(DataError, match="fraction"):
        datasets.from_arrays(values, **options)


@pytest.mark.parametrize("name", ["valid_fraction", "test_fraction"])
@pytest.mark.parametrize("fraction", [2, -0.5, 1.0, np.nan, "a", np.complex64(0.1)])
def test_fractions_out_of_range_are_refused_beside_splits_too(tmp_path, values, name, fraction):
    with pytest.raises(DataError, match=rf"{name} is .*at least 0 and below 1"):
        datasets.from_arrays(values, values, values, **{name: fraction})
    np.savez(tmp_path / "a.npz", train=values, valid=values, test=values)
    with pytest.raises(DataError, match=name):
        datasets.load(tmp_path / "a.npz", **{name: fraction})


@pytest.mark.parametrize("split", ["valid", "test"])
def test_a_chosen_fraction_of_a_split_that_exists_is_told_to_have_no_effect(values, split):
    with pytest.warns(UserWarning, match=rf"{split}_fraction=0\.2 has no effect: there are"):
        data = datasets.from_arrays(values, **{split: values[:7], f"{split}_fraction": 0.2})
    other = "test" if split == "valid" else "valid"
    assert data.info.sizes == {"train": 18, split: 7, other: 2}


@pytest.mark.parametrize("num_examples", [1, 7, 19, 100, 1000, 9999])
def test_decimal_fractions_are_rounded_down_exactly(num_examples):
    for hundredths in range(100):
        sizes = fraction_sizes(num_examples, hundredths / 100, 0)
        assert sizes == (num_examples * hundredths // 100, 0)


def test_the_division_by_default_fractions_is_that_of_recorded_runs():
    for num_examples in range(1, 20_000):
        rows = int(num_examples * 0.1)
        assert fraction_sizes(num_examples, 0.1, 0.1) == (rows, rows)
    assert fraction_sizes(3, 1 / 3, 1 / 3) == (1, 1)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True])
def test_seeds_that_are_none_are_refused(values, seed):
    message = "expected an integer of at least 0|expected int, such as seed=0"
    with pytest.raises(DataError, match=message):
        datasets.from_arrays(values, seed=seed)
    with pytest.raises(DataError, match=message):
        datasets.load("pendulum", num_images=9, valid_size=2, test_size=2, seed=seed)
    with pytest.raises(DataError, match=message):
        datasets.binarise(np.eye(3), seed=seed)


def test_binarise_draws_each_value_with_its_probability():
    drawn = datasets.binarise(np.full((400, 400), 0.3), seed=1)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert drawn.mean() == pytest.approx(0.3, abs=0.005)
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(datasets.binarise([[0.0, 1.0]], seed=0), [[0.0, 1.0]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((2, 3), 255.0), "255 .6 values outside .0, 1..; expected prob.* Divide bytes"),
        ([[-0.1]], "-0.1"),
        ([[np.nan]], "finite"),
    ],
)
def test_binarise_refuses_what_is_no_probability(values, message):
    with pytest.raises(DataError, match=message):
        datasets.binarise(values, seed=0)


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DamagedFileError, match="never unpickled"):
        datasets.load(tmp_path / "a.npy")


def header(text: str) -> bytes:
    body = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "NumPy header is damaged"),
        (b"no numpy", "NumPy header is damaged"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (10**9, 10**9), }"), "damaged"),
        (
            header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 9), }"),
            "promises",
        ),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-3, 9), }"), "not possible"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 9), }"), "promises"),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (3, 9), }"), "never unpickled"),
        (header("__import__('os').system('true')"), "damaged"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, message):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DamagedFileError, match=message):
        datasets.load(tmp_path / "a.npy")


def test_a_truncated_or_foreign_archive_is_refused(tmp_path, values):
    path = tmp_path / "a.npz"
    np.savez(path, train=values)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DamagedFileError, match=r"a\.npz is damaged"):
        datasets.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(DamagedFileError, match="is no array"):
        datasets.load(path)


def test_an_archive_that_lies_about_its_size_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    lie = header("{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000, 4), }")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.npy", lie)
    path.write_bytes(stream.getvalue())
    with pytest.raises(DamagedFileError, match="promises 16000000000 bytes"):
        datasets.load(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(DataError, match=r"\.npy or \.npz file or a folder"):
        datasets.load(tmp_path / "a.csv")


def test_values_are_judged_as_the_model_sees_them():
    data = datasets.from_arrays(np.array([[0.0, 1.0000000000000002]] * 9))
    assert data.info.value_range == (0.0, 1.0)
    assert data.info.likelihood == "bernoulli"


def test_labels_of_a_table_belong_to_examples_by_position():
    pandas = pytest.importorskip("pandas")
    order = np.random.default_rng(0).permutation(20)
    labels = pandas.Series(np.arange(20)).iloc[order]
    data = datasets.from_arrays(pandas.DataFrame({"a": labels, "b": labels}), train_labels=labels)
    np.testing.assert_array_equal(data.train[:, 0], data.train_labels)
    np.testing.assert_array_equal(data.test[:, 1], data.test_labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": [[1.0, 2.0], [3.0]]}, r"train\[1\] has the shape \(1,\)"),
        ({"train": np.ma.ones((9, 2))}, "train is a masked array"),
        ({"train": np.ones((9, 2)), "valid": np.ma.ones((9, 2))}, "valid is a masked array"),
        ({"train": np.ones((9, 2)), "train_labels": np.ma.ones(9)}, "train_labels is a masked"),
        ({"train": np.ones((9, 2)), "train_labels": [1, 2]}, "one row for each of the 9"),
        ({"train": np.ones((9, 2)), "valid_labels": [1, 2]}, "without valid examples"),
        ({"train": None}, "train is None"),
        ({"train": []}, r"shape \(0,\)"),
        ({"train": iter([1])}, "train is a list_iterator; expected one array"),
    ],
)
def test_what_is_no_array_of_examples_is_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        datasets.from_arrays(**arguments)
