"""Every kind of data Keras feeds a model from gives the same training."""

import keras
import numpy as np
import pytest

from hiervae.errors import DataError
from tests.support.models import binary_data, compiled, small_model
from tests.support.noise import no_noise

X = binary_data(12)
BATCH = 4


class Batches(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return len(self.x) // BATCH

    def __getitem__(self, index):
        return (self.x[BATCH * index : BATCH * index + BATCH],)


def generator(x):
    while True:
        for start in range(0, len(x), BATCH):
            yield (x[start : start + BATCH],)


def tf_data(x):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(x).batch(BATCH)


def data_loader(x):
    torch = pytest.importorskip("torch")
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(x))
    return torch.utils.data.DataLoader(dataset, batch_size=BATCH)


def table(x, **options):
    return pytest.importorskip("pandas").DataFrame(x, **options)


def bare_loader(x):
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(torch.from_numpy(x), batch_size=BATCH)


SOURCES = {
    "tensor": lambda: keras.ops.convert_to_tensor(X),
    "list": lambda: X.tolist(),
    "uint8": lambda: X.astype("uint8"),
    "bool": lambda: X.astype(bool),
    "int64": lambda: X.astype("int64"),
    "float64": lambda: X.astype("float64"),
    "float16": lambda: X.astype("float16"),
    "fortran order": lambda: np.asfortranarray(X),
    "PyDataset": lambda: Batches(X),
    "PyDataset of uint8": lambda: Batches(X.astype("uint8")),
    "PyDataset of bool": lambda: Batches(X.astype(bool)),
    "PyDataset of float64": lambda: Batches(X.astype("float64")),
    "generator": lambda: generator(X),
    "generator of bare x": lambda: (x for (x,) in generator(X)),
    "generator of lists": lambda: (
        [x.tolist(), [0.0] * BATCH, [1.0] * BATCH] for (x,) in generator(X)
    ),
    "generator of rows": lambda: (x.tolist() for (x,) in generator(X)),
    "generator of tables": lambda: (table(x, index=[3, 2, 1, 0]) for (x,) in generator(X)),
    "iterator": lambda: map(tuple, generator(X)),
    "table": lambda: table(X, index=range(12, 0, -1)),
    "objects": lambda: X.astype(object),
    "tf.data": lambda: tf_data(X),
    "tf.data of uint8": lambda: tf_data(X.astype("uint8")),
    "DataLoader": lambda: data_loader(X),
    "DataLoader of bare x": lambda: bare_loader(X),
    "DataLoader of uint8": lambda: data_loader(X.astype("uint8")),
}


@pytest.fixture(scope="module")
def trained():
    """A model, its weights before and after an epoch over an array, and the logs of both."""
    with no_noise():
        model = compiled(small_model())
        model.build((None, X.shape[1]))
        start = model.get_weights()
        logs = run(model, X)
        yield model, start, model.get_weights(), logs


def run(model, source, **options):
    if hasattr(source, "shape") or isinstance(source, list):
        options |= {"batch_size": BATCH}
    if hasattr(source, "__next__"):
        options |= {"steps_per_epoch": len(X) // BATCH}
    return model.fit(source, shuffle=False, verbose=0, **options).history


@pytest.mark.parametrize("name", SOURCES)
def test_training(trained, name):
    model, start, expected, logs = trained
    source = SOURCES[name]()
    model.set_weights(start)
    found = run(model, source)
    for key, values in logs.items():
        assert found[key] == pytest.approx(values, rel=1e-5, abs=1e-6), key
    for new, wanted in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(new, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.backends("tensorflow")
@pytest.mark.parametrize("shape", [(None,), None])
def test_a_data_set_that_does_not_tell_its_sizes(trained, shape):
    tf = pytest.importorskip("tensorflow")

    def unsized(x):
        signature = tf.TensorSpec(shape, "float32")
        data = tf.data.Dataset.from_generator(lambda: iter(x), output_signature=signature)
        counted = tf.data.experimental.assert_cardinality(-(-len(x) // BATCH))
        return data.batch(BATCH).apply(counted)

    model, start, expected, _ = trained
    model.set_weights(start)
    run(model, unsized(X))
    for new, wanted in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(new, wanted, rtol=1e-5, atol=1e-6)
    found = model.evaluate(unsized(X), verbose=0)
    assert found == pytest.approx(model.evaluate(X, batch_size=BATCH, verbose=0), rel=1e-5)
    np.testing.assert_allclose(
        model.predict(unsized(X), verbose=0), model.predict(X, verbose=0), rtol=1e-5
    )
    fresh = compiled(small_model())
    run(fresh, unsized(X))
    assert fresh.event_shape == X.shape[1:]
    with pytest.raises(DataError, match=r"shape \(5,\); the model was built for \(6,\)"):
        run(model, unsized(X[:, :-1]))


@pytest.mark.parametrize("name", ["list", "uint8", "bool", "PyDataset of uint8"])
def test_evaluation_and_scores(trained, name):
    model = trained[0]
    expected = model.evaluate(X, batch_size=BATCH, verbose=0, return_dict=True)
    source = SOURCES[name]()
    options = {} if isinstance(source, keras.utils.PyDataset) else {"batch_size": BATCH}
    found = model.evaluate(source, verbose=0, return_dict=True, **options)
    assert found == pytest.approx(expected, rel=1e-5)
    if not isinstance(source, keras.utils.PyDataset):
        np.testing.assert_allclose(model.elbo(source), model.elbo(X), rtol=1e-6)
        np.testing.assert_allclose(model.encode(source)[0], model.encode(X)[0], rtol=1e-6)
        np.testing.assert_allclose(
            model.predict(np.asarray(source), verbose=0), model.predict(X, verbose=0), rtol=1e-6
        )


def test_targets_are_ignored(trained):
    model, start, expected, _ = trained
    model.set_weights(start)
    with pytest.warns(UserWarning, match="x comes with targets, which the model ignores"):
        model.fit(X, np.arange(12), batch_size=BATCH, shuffle=False, verbose=0)
    for new, wanted in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(new, wanted, rtol=1e-5, atol=1e-6)
    model.fit(X, X, batch_size=BATCH, verbose=0)  # says so once


@pytest.mark.compiles(1)
@pytest.mark.parametrize("shape", [(1,), (3, 2), (2, 1, 3)])
def test_examples_of_any_shape(shape):
    x = binary_data(8, int(np.prod(shape))).reshape(8, *shape)
    model = compiled(small_model(latent_dims=(3, 2)))
    model.fit(x, batch_size=3, verbose=0)
    assert model.event_shape == shape
    assert model.predict(x, verbose=0).shape == (8, *shape)
    assert model.sample(5, seed=0).shape == (5, *shape)
    assert [latent.shape for latent in model.encode(x)] == [(8, 3), (8, 2)]
    assert model.decode(model.encode(x)).shape == (8, *shape)
    assert model.elbo(x).shape == (8,)
