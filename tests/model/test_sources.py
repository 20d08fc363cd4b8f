"""What a source of batches must not yield is refused in one line, by whatever reads it."""

import pickle
import re
import threading
import warnings

import keras
import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.model import sources
from hiervae.model.inputs import Expected
from hiervae.model.sources import BatchCheck, checked_source
from tests.support.models import binary_data, compiled, small_model

X = binary_data(8)
QUIET = {
    "verbose": 0,
    "shuffle": False,
    "steps_per_epoch": 2,
}  # Keras warns of `shuffle` beside a generator
GAUSSIAN = {"likelihood": "gaussian"}


class Batches(keras.utils.PyDataset):
    """The same batch, twice."""

    def __init__(self, batch, **options):
        super().__init__(**options)
        self.batch = batch

    @property
    def num_batches(self):
        return 2

    def __getitem__(self, index):
        return self.batch


def generator(batch):
    yield batch
    yield batch


def data_loader(batch):
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader([batch, batch], batch_size=None, collate_fn=_as_it_is)


def _as_it_is(batch):
    return batch


def sparse(x):
    return pytest.importorskip("scipy.sparse").csr_matrix(x)


REFUSED = [
    ({"image": X}, r"A batch of x is a dict with the keys 'image'; .*batch of x\['image'\]"),
    (({"a": X, "b": X},), "A batch of x is a dict; expected one array"),
    ((X, X, X, X), "A batch of x is a tuple of 4 entries; expected"),
    (([X, X],), "A batch of x is a sequence of arrays"),
    ((np.ma.masked_array(X, X > 0),), "A batch of x is a masked array"),
    ((lambda: (sparse(X),)), "A batch of x is sparse"),
    ((X.astype(str),), "A batch of x has the type <U.*; expected real numbers"),
    ((X.astype(complex),), "A batch of x has the type complex128"),
    ((X[0],), r"A batch of x has the shape \(6,\); expected \(batch, \*event_shape\)"),
    ((X[:, :5],), r"A batch of x holds examples of shape \(5,\); the model was built for \(6,\)"),
    ((X * np.nan,), r"A batch of x holds nan at position \(0, 0\)"),
    ((X + 0.5,), r"A batch of x: the data holds 1.5 at position \(0, .\)"),
    ([[0.0, 1.0], [0.0]], "A batch of x is a list of rows that differ"),
]


@pytest.fixture
def model():
    return built()


def built():
    model = compiled(small_model())
    model.build((None, X.shape[1]))
    return model


@pytest.mark.compiles(4)
@pytest.mark.parametrize(("batch", "message"), REFUSED)
@pytest.mark.parametrize("source", [Batches, generator])
def test_refused_by_all(source, batch, message):
    if callable(batch):
        batch = batch()
    for use in (
        lambda: built().fit(source(batch), **QUIET),
        lambda: built().fit(X, validation_data=source(batch), verbose=0),
        lambda: built().evaluate(source(batch), verbose=0),
        lambda: built().predict(source(batch), verbose=0),
    ):
        message = message.replace(" x", " (x|validation_data)")
        with pytest.raises(DataError, match=message) as caught:
            use()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 450


@pytest.mark.parametrize("kind", ["dict", "tuple", "array"])
def test_loaders_are_refused(kind):
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(X)
    batch, message = {
        "dict": ({"image": x}, "A batch of x is a dict with the keys 'image'"),
        "tuple": ((x, x, x, x), "A batch of x is a tuple of 4 entries"),
        "array": (X, "holds a ndarray; expected a tensor of PyTorch"),
    }[kind]
    if kind == "array" and keras.backend.backend() == "torch":
        built().fit(data_loader(batch), verbose=0, shuffle=False)
        return
    with pytest.raises(DataError, match=message):
        built().fit(data_loader(batch), verbose=0, shuffle=False)
    for use in (built().evaluate, built().predict):
        with pytest.raises(DataError, match=message):
            use(data_loader(batch), verbose=0)


def test_data_sets_of_tensorflow_are_refused(model):
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices
    for source, message in (
        (data({"image": X}).batch(4), "is a dict with the keys 'image'"),
        (data(({"image": X}, X)).batch(4), "holds a dict of inputs; .*Choose it by `x.map`"),
        (data(X), r"has the shape \(6,\); .* Batch single examples first"),
        (data(X[:, :5]).batch(4), r"shape \(5,\); the model was built for \(6,\)"),
        (data(X.astype(str)).batch(4), "has the type string; expected real numbers"),
        (data(tf.sparse.from_dense(X)).batch(4), "is sparse; .* `x.map\\(tf.sparse.to_dense\\)`"),
        (data(tf.ragged.constant([[1.0], [0.0, 1.0]])).batch(2), "is ragged; .*to_tensor"),
    ):
        for use in (model.fit, model.evaluate, model.predict):
            with pytest.raises(DataError, match=message):
                use(source, verbose=0)


@pytest.mark.parametrize("workers", [{}, {"workers": 2}])
def test_later_batches_are_looked_at_as_the_first(workers):
    bad = X.copy()
    bad[3, 2] = 7.0

    class Varying(Batches):
        def __getitem__(self, index):
            return self.batch[index]

    def varying(pair):
        yield from pair

    for source in (Varying, varying):
        options = workers if source is Varying else {}
        for batches, where in (
            ((X, bad), r"7.0 at position \(3, 2\)"),
            ((X, X * np.nan), "nan at"),
        ):
            with pytest.raises(DataError, match=f"A batch of x.* holds {where}"):
                built().fit(source(batches, **options), **QUIET)


def test_text_labels_of_tensorflows_data_are_left_out():
    tf = pytest.importorskip("tensorflow")
    pairs = tf.data.Dataset.from_tensor_slices((X, list("abcdefgh"))).batch(4)
    with pytest.warns(UserWarning, match="x yields targets"):
        built().fit(pairs, verbose=0, shuffle=False)


def test_values_of_tensorflows_data_are_looked_at():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(255 * X).batch(4)
    for use in (built().fit, built().evaluate, built().predict):
        with pytest.raises(DataError, match="A batch of x: the data holds 255.0 at position"):
            use(data, verbose=0)


def grain_sets():
    """What makes a source of grain from an array, in each of its forms."""
    grain = pytest.importorskip("grain")
    return (
        lambda x: grain.MapDataset.source(x).batch(4),
        lambda x: grain.MapDataset.source(x).to_iter_dataset().batch(4),
        lambda x: grain.DataLoader(
            data_source=x,
            sampler=grain.samplers.SequentialSampler(len(x), grain.sharding.NoSharding()),
            operations=[grain.transforms.Batch(4)],
        ),
    )


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_sets_of_grain():
    expected = built().evaluate(X, batch_size=4, verbose=0)
    for make in grain_sets():
        assert built().evaluate(make(X), verbose=0) == pytest.approx(expected, rel=1e-5)
        for name, options in (("fit", {"shuffle": False}), ("evaluate", {}), ("predict", {})):
            with pytest.raises(DataError, match="A batch of x: the data holds 255.0 at position"):
                getattr(built(), name)(make(255 * X), verbose=0, **options)
        with pytest.raises(DataError, match=r"shape \(5,\); the model was built for \(6,\)"):
            built().fit(make(X[:, :5]), verbose=0, shuffle=False)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_each_batch_of_a_map_dataset_is_read_once_a_fit_and_two_are_looked_at():
    grain = pytest.importorskip("grain")
    read = []

    def noted(batch):
        read.append(int(batch[0]))
        return X[batch % len(X)]

    numbers = grain.MapDataset.source(np.arange(200)).batch(4)
    with_gaps = numbers.filter(lambda batch: bool(batch[0] % 8))  # every other batch is missing
    for data, firsts in ((numbers, range(0, 200, 4)), (with_gaps, range(4, 200, 8))):
        read.clear()
        built().fit(data.map(noted), verbose=0, shuffle=False)
        assert sorted(read) == sorted([*firsts, *firsts[:2]])


@pytest.mark.parametrize(("cores", "most_ahead"), [(2, 0), (8, 20)])
def test_a_map_dataset_is_read_ahead_a_little_where_there_are_cores(cores, most_ahead, monkeypatch):
    grain = pytest.importorskip("grain")
    monkeypatch.setattr(sources, "num_cores", lambda: cores)
    read = []

    def noted(batch):
        read.append(threading.get_ident())
        return X[batch % len(X)]

    data = grain.MapDataset.source(np.arange(2000)).batch(4).map(noted)
    built().fit(data, steps_per_epoch=3, verbose=0, shuffle=False)
    looked_at, of_the_backend = 2, 4
    assert 0 <= len(read) - looked_at - 3 <= of_the_backend + most_ahead
    if keras.backend.backend() == "jax":
        by_step = {thread == threading.get_ident() for thread in read[looked_at:]}
        assert by_step == {cores == 2}


def test_a_tf_data_set_is_tuned_beside_another_backend_only_if_that_is_asked_for():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(X).batch(4)
    asked = tf.data.Options()
    asked.autotune.enabled = True
    check = BatchCheck("x", Expected((6,), None))
    tuned = {
        name: checked_source(each, check)[0].options().autotune.enabled
        for name, each in (("silent", data), ("asked", data.with_options(asked)))
    }
    own = keras.backend.backend() == "tensorflow"
    assert tuned == {"silent": None if own else False, "asked": True}


def test_no_source_at_all(model):
    class Splits:
        train = X

    with pytest.raises(DataError, match=r"x is a Splits; .*such as `x.train`"):
        model.fit(Splits(), verbose=0)
    with pytest.raises(DataError, match="x is a object; expected an array of examples"):
        model.evaluate(object())
    for use in (model.encode, model.elbo, model.log_likelihood, model.adapt):
        with pytest.raises(DataError, match="x is a generator; expected one array"):
            use(generator(X))


def test_targets_are_mentioned_once():
    torch = pytest.importorskip("torch")
    model = compiled(small_model())
    with pytest.warns(UserWarning, match="x yields targets, which the model ignores"):
        model.fit(Batches((X, np.arange(8))), verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(Batches((X, np.arange(8))), verbose=0)
        compiled(small_model()).fit(Batches((X, X[:, 0], X[:, 0])), verbose=0)  # stand for weights
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.arange(8))
    loader = torch.utils.data.DataLoader(pairs, 4)
    for use, told in (
        (lambda m: m.evaluate(Batches((X, X)), verbose=0), "x yields"),
        (lambda m: m.evaluate(X, X, verbose=0), "x comes with"),
        (lambda m: m.fit(X, validation_data=(X, X), verbose=0), "validation_data comes with"),
        (lambda m: m.fit(loader, verbose=0, shuffle=False), "x yields"),
    ):
        with pytest.warns(UserWarning, match=f"{told} targets") as caught:
            use(compiled(small_model()))
        assert len([entry for entry in caught if entry.category is UserWarning]) == 1


@pytest.mark.parametrize("workers", [{}, {"workers": 2}])
def test_labels_that_are_no_numbers_do_no_harm(workers):
    labels = np.array(list("abcdefgh"))
    with pytest.warns(UserWarning, match="targets"):
        compiled(small_model()).fit(Batches((X, labels), **workers), verbose=0)


@pytest.mark.parametrize(
    ("x", "mend"),
    [
        ((255 * X).astype("uint8"), "`x / 255`"),
        ((60 * X).astype("int64"), "`x / 255`"),
        ((16 * X).astype("float64"), "`x / 255`"),
        (254.5 * X, "`x / 255`"),
        ((65535 * X).astype("uint16"), "`x / 65535`"),
        (-1000.5 * X, r"`\(x - x.mean\(0\)\) / x.std\(0\)`"),
    ],
)
def test_unscaled_values_are_known(x, mend):
    advice = small_model(**GAUSSIAN).expected().scale_advice("x", x)
    assert re.search(f"x has values from .*; the Gaussian .* no bounds, .*{mend}", advice)


def test_scaled_values_are_not_mentioned():
    expected = small_model(**GAUSSIAN).expected()
    for x in (X, X.astype("uint8"), X.astype(bool), 8 * X - 3, 90.5 * X):
        assert expected.scale_advice("x", x) is None
    assert small_model().expected().scale_advice("x", 255 * X) is None


@pytest.mark.parametrize("source", [np.array, Batches, generator])
def test_unscaled_values_are_mentioned(source):
    greys = (255 * X).astype("uint8")
    with pytest.warns(UserWarning, match="x has values from 0 to 255; .*`x / 255`"):
        compiled(small_model(**GAUSSIAN)).fit(source(greys), **QUIET)


def test_the_rest_of_a_generator_stays():
    model = compiled(small_model())
    batches = (X[i : i + 1] for i in range(8))
    source, _ = checked_source(batches, BatchCheck("x", model.expected()))
    assert next(source)[0] is not None
    del source
    assert len(list(batches)) == 7


def test_tensors_with_gradients():
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(X).requires_grad_()
    model = compiled(small_model())
    model.fit(generator(x * 1.0), **QUIET)
    assert x.grad is None
    assert model.predict(x, verbose=0).shape == X.shape


def test_workers_look_at_the_form_alone():
    check = pickle.loads(pickle.dumps(BatchCheck("x", small_model().expected(), print)))
    assert check((X + 5.0, X)) is not None
    with pytest.raises(DataError, match="A batch of x is a dict"):
        check({"a": X})


def test_a_list_is_validation_data_or_a_tuple(model):
    rows = X.tolist()
    for data in (rows, rows[:2], (rows,), [X], [X, None, np.ones(8)], (X, None, [1.0] * 8)):
        logs = model.fit(X, validation_data=data, verbose=0).history
        assert np.isfinite(logs["val_loss"]).all()
    with pytest.raises(DataError, match="validation_data is a tuple of 4 entries"):
        model.fit(X, validation_data=(X, X, X, X), verbose=0)


def test_weights_by_position(model):
    pandas = pytest.importorskip("pandas")
    start = model.get_weights()
    weights = np.arange(1.0, 9.0)
    found = []
    for given in (weights, pandas.Series(weights, index=range(8, 0, -1)), weights.tolist()):
        model.set_weights(start)
        found.append(model.evaluate(X, sample_weight=given, verbose=0))
    assert found[0] == found[1] == found[2]
    for bad, message in (
        (np.ma.masked_array(weights, weights > 3), "sample_weight is a masked array"),
        (-weights, r"sample_weight holds -1.0 at position 0"),
        (weights[:3], r"sample_weight has the shape \(3,\)"),
        (0 * weights, "sample_weight is 0 for every example"),
    ):
        with pytest.raises(DataError, match=message):
            model.fit(X, sample_weight=bad, verbose=0)
