"""What users hand in: taken with the values they see, or refused in one line."""

import collections
import warnings

import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.utils.arrays import as_array, check_numbers, require_array, to_float32

X = np.arange(12, dtype=np.float32).reshape(4, 3)


def torch_tensor(**options):
    return pytest.importorskip("torch").tensor(X, **options)


def tensorflow():
    return pytest.importorskip("tensorflow")


def jax_numpy():
    return pytest.importorskip("jax.numpy")


def frame(**options):
    return pytest.importorskip("pandas").DataFrame(X, **options)


TAKEN = {
    "array": lambda: X,
    "matrix": lambda: np.matrix(X),
    "other byte order": lambda: X.astype(">f8"),
    "list": X.tolist,
    "tuple": lambda: tuple(map(tuple, X.tolist())),
    "list of arrays": lambda: list(X),
    "list of arrays and lists": lambda: [X[0], X[1].tolist(), *X[2:]],
    "list of numbers of NumPy": lambda: [[np.float32(v) for v in row] for row in X],
    "objects": lambda: X.astype(object),
    "keras": lambda: pytest.importorskip("keras").ops.convert_to_tensor(X),
    "variable": lambda: pytest.importorskip("keras").Variable(X),
    "torch": torch_tensor,
    "torch, with gradients": lambda: torch_tensor(requires_grad=True),
    "torch, bfloat16": lambda: torch_tensor().bfloat16(),
    "torch, list of rows with gradients": lambda: list(torch_tensor(requires_grad=True)),
    "torch, list of single values": lambda: [list(row) for row in torch_tensor()],
    "tensorflow": lambda: tensorflow().constant(X),
    "tensorflow, bfloat16": lambda: tensorflow().constant(X, "bfloat16"),
    "tensorflow, variable": lambda: tensorflow().Variable(X),
    "jax": lambda: jax_numpy().asarray(X),
    "jax, bfloat16": lambda: jax_numpy().asarray(X, "bfloat16"),
    "frame": frame,
    "frame, other order of index": lambda: frame(index=[3, 1, 0, 2]),
    "frame, several types": lambda: frame().astype({0: "int64", 1: "float64"}),
    "frame, nullable": lambda: frame().astype("Float64"),
    "frame, objects": lambda: frame().astype(object),
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("name", TAKEN)
def test_taken(name):
    array = require_array(TAKEN[name](), "x")
    assert type(array) is np.ndarray
    assert array.dtype.kind in "fi"
    np.testing.assert_array_equal(to_float32(array, "x"), X)


def test_a_series_is_taken_by_position():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([5, 6, 7], index=[2, 0, 1])
    np.testing.assert_array_equal(require_array(series, "y"), [5, 6, 7])
    np.testing.assert_array_equal(require_array(series.astype(str), "y"), ["5", "6", "7"])


def test_arrays_are_not_copied():
    assert np.shares_memory(require_array(X, "x"), X)
    assert np.shares_memory(to_float32(X, "x"), X)


def sparse_matrix(kind):
    return getattr(pytest.importorskip("scipy.sparse"), kind)(X)


def ragged():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [pytest.importorskip("torch").ones(2), pytest.importorskip("torch").ones(3)]
        return pytest.importorskip("torch").nested.nested_tensor(rows)


REFUSED = {
    "masked": (lambda: np.ma.masked_array(X, X > 3), r"x is a masked array.*x\.filled"),
    "masked rows": (lambda: list(np.ma.masked_array(X, X > 3)), r"x\[0\] is a masked array"),
    "scipy matrix": (lambda: sparse_matrix("csr_matrix"), r"x is sparse.*`x\.toarray\(\)`"),
    "scipy array": (lambda: sparse_matrix("coo_array"), r"x is sparse.*`x\.toarray\(\)`"),
    "scipy rows": (lambda: [sparse_matrix("csr_array")], r"x\[0\] is sparse"),
    "tf.SparseTensor": (lambda: tensorflow().sparse.from_dense(X), r"tf\.sparse\.to_dense\(x\)"),
    "tf.IndexedSlices": (
        lambda: tensorflow().IndexedSlices(X, [0, 1, 2, 3]),
        r"tf\.convert_to_tensor\(x\)",
    ),
    "torch, COO": (lambda: torch_tensor().to_sparse(), r"`x\.to_dense\(\)`"),
    "torch, CSR": (lambda: torch_tensor().to_sparse_csr(), r"`x\.to_dense\(\)`"),
    "torch, nested": (ragged, "x is ragged"),
    "BCOO": (
        lambda: pytest.importorskip("jax.experimental.sparse").BCOO.fromdense(X),
        r"`x\.todense\(\)`",
    ),
    "tf.RaggedTensor": (
        lambda: tensorflow().ragged.constant([[1.0], [1.0, 2.0]]),
        "x is ragged.*Pad them",
    ),
    "ragged list": (
        lambda: [[1, 2], [3, 4], [5]],
        r"x\[2\] has the shape \(1,\), x\[0\] has \(2,\)",
    ),
    "ragged tuple of arrays": (lambda: (X[0], X[0], X[0, :2]), r"x\[2\] has the shape \(2,\)"),
    "ragged within a row": (lambda: [[[1], [1, 2]]], r"x\[0\] has parts of different lengths"),
    "several arrays": (lambda: [X, X], r"sequence of arrays, the first of shape \(4, 3\)"),
    "dict": (lambda: {"x": X}, "x is a dict"),
    "nothing": (lambda: None, "x is None"),
    "number": (lambda: 3.5, r"x is 3\.5"),
    "text": (lambda: "mnist", "x is 'mnist'"),
    "set": (lambda: {1, 2}, "x is a set"),
    "symbolic": (lambda: pytest.importorskip("keras").KerasTensor((4, 3)), "that makes no array"),
    "generator": (lambda: iter(X), "x is a .*; expected one array"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    make, message = REFUSED[name]
    with pytest.raises(DataError, match=message) as caught:
        require_array(make(), "x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [lambda: iter([X]), lambda: collections.UserDict(x=X), object])
def test_sources_of_batches_are_no_arrays(make):
    assert as_array(make(), "x") is None


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (X + 1j, r"type complex64; expected real numbers\. .*x\.real"),
        (np.array([["a", "b"]]), "type <U1; expected real numbers"),
        (np.array([[1.0, "b"]], object), r"It holds a str, 'b'\. Leave"),
        (np.array([[1.0, None]], object), r"It holds missing values\. Leave"),
        (np.array([["2020-01-01"]], "datetime64[D]"), "expected real numbers"),
        (np.zeros(3, [("a", "f4")]), "expected real numbers"),
    ],
)
def test_other_than_numbers_are_refused(array, message):
    with pytest.raises(DataError, match=message):
        check_numbers(array, "x")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"x holds nan at position \(1, 2\); expected finite"),
        (-np.inf, r"x holds -inf at position \(1, 2\); expected finite"),
        (1e39, r"x holds 1e\+39 at position \(1, 2\), beyond float32"),
    ],
)
def test_values_a_model_cannot_see_are_refused(value, message):
    array = X.astype(np.float64)
    array[1, 2] = value
    with pytest.raises(DataError, match=message):
        to_float32(array, "x")


def test_values_are_judged_in_float32():
    assert to_float32(np.array([1.0000000000000002]), "x").max() == 1.0
    assert to_float32(np.array([-1e-60]), "x").min() == 0.0
