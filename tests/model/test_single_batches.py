"""Single steps take the same data as `fit`, and refuse the same."""

import keras
import numpy as np
import pytest

import hiervae
from hiervae.errors import DataError
from tests.support.models import binary_data, compiled, small_model

X = binary_data(8)
CALLS = ("train_on_batch", "test_on_batch", "predict_on_batch")


def call(name, x, model=None, **arguments):
    return getattr(model or compiled(small_model()), name)(x, **arguments)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X * np.nan, r"x holds nan at position \(0, 0\)"),
        (X[0], r"x has the shape \(6,\); expected \(n, \*event_shape\)"),
        (X.astype(str), "x has the type <U.*; expected real numbers"),
        ({"image": X}, "x is a dict; expected one array"),
        (np.ma.masked_array(X, X > 0), "x is a masked array"),
        (2 * X + 1, "x: the data holds [13].0 at position"),
        (iter([X]), "x is a list_iterator; expected one array"),
    ],
)
def test_what_fit_refuses_is_refused(name, x, message):
    with pytest.raises(DataError, match=message):
        call(name, x)


def test_another_shape_than_the_models():
    model = compiled(small_model())
    model.build((None, 6))
    for name in CALLS:
        with pytest.raises(DataError, match=r"shape \(5,\); the model was built for \(6,\)"):
            call(name, X[:, :5], model)


def test_rows_come_as_lists_and_integers():
    reference, same = (compiled(small_model()) for _ in range(2))
    expected = reference.train_on_batch(X, return_dict=True)
    assert same.train_on_batch(X.astype(int).tolist(), return_dict=True) == expected


def test_targets_are_mentioned_and_without_influence():
    expected = call("test_on_batch", X, return_dict=True)
    with pytest.warns(UserWarning, match="x comes with targets, which the model ignores"):
        found = call("test_on_batch", X, y=np.arange(8), return_dict=True)
    assert found == expected


def test_weights_count():
    weights = np.array([1.0, 1.0, 0, 0, 0, 0, 0, 0])
    model, other = compiled(small_model()), compiled(small_model())
    changed = np.concatenate([X[:2], 1.0 - X[2:]])
    found = [
        m.test_on_batch(x, sample_weight=weights, return_dict=True)["loss"]
        for m, x in ((model, X), (other, changed))
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-6)
    assert found[0] != pytest.approx(call("test_on_batch", X, return_dict=True)["loss"], rel=1e-6)
    with pytest.raises(DataError, match=r"sample_weight has the shape \(3,\)"):
        call("train_on_batch", X, sample_weight=np.ones(3))


def test_without_compiling_and_with_class_weights():
    for name in CALLS[:2]:
        with pytest.raises(ValueError, match=rf"{name}\(\) was called on a model without an opt"):
            call(name, X, small_model())
    with pytest.raises(ValueError, match=r"train_on_batch\(\) received class_weight="):
        call("train_on_batch", X, class_weight={0: 1.0})


def test_the_first_step_initialises_from_its_batch():
    prior = {"name": "vamp_data", "num_components": 4}
    model = compiled(small_model(prior=prior))
    model.train_on_batch(X)
    pseudo_inputs = keras.ops.convert_to_numpy(model.prior.pseudo_inputs)
    distances = np.abs(pseudo_inputs[:, None] - X[None]).max(axis=-1)
    assert (distances.min(axis=1) < 0.2).all()
    with pytest.raises(DataError, match="2"):
        compiled(small_model(prior=prior)).train_on_batch(X[:2])


def test_lists_have_the_names_of_a_subclass_with_one_more_metric():
    class Counting(hiervae.HierarchicalVAE):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.extra = keras.metrics.Mean(name="extra")

    network = {"name": "mlp", "hidden_units": (5,)}
    model = compiled(Counting(latent_dims=2, network=network, seed=0))
    x = binary_data(8)
    model.train_on_batch(x)
    for values in (model.train_on_batch(x), model.test_on_batch(x), model.evaluate(x, verbose=0)):
        logs = dict(zip(model.metrics_names, values, strict=True))
        assert logs["loss"] == pytest.approx(-logs["elbo"], rel=1e-5)
        assert logs["reconstruction"] > 0.0
