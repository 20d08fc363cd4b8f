"""What is overridden takes the arguments of Keras, in its order."""

import inspect

import keras
import numpy as np
import pytest

import hiervae
from tests.support.models import binary_data, compiled, small_model

X = binary_data(16)
OWN = {"call", "__init__"}


def overridden():
    for name in dir(keras.Model):
        own, base = getattr(hiervae.HierarchicalVAE, name), getattr(keras.Model, name)
        if not name.startswith("_") and inspect.isfunction(base) and own is not base:
            yield name


@pytest.mark.parametrize("name", sorted(set(overridden()) - OWN))
def test_parameters_are_those_of_keras(name):
    own = inspect.signature(getattr(hiervae.HierarchicalVAE, name)).parameters
    base = inspect.signature(getattr(keras.Model, name)).parameters
    if name == "train_step" or name == "test_step":
        assert list(own)[-1] == "data"
        return
    assert list(own)[: len(base)] == list(base)
    for entry in list(own.values())[len(base) :]:
        assert entry.kind is entry.KEYWORD_ONLY or entry.default is not entry.empty
    for key, entry in base.items():
        assert own[key].kind == entry.kind
        if key != "optimizer":
            assert own[key].default == entry.default, key


def test_the_methods_looked_at():
    assert {"compile", "fit", "evaluate", "predict", "summary"} <= set(overridden())


def test_positional_use():
    model = small_model()
    model.compile("adam", None, None, None, None, True, 1, False)
    assert model.run_eagerly
    history = model.fit(X, None, 4, 2, 0, None, 0.25, None, False, None, np.ones(16), 1, 2)
    assert history.epoch == [1]
    assert model.training_step == 2
    assert len(model.evaluate(X, None, 4, 0, np.ones(16), 2)) == len(model.metrics_names)
    assert model.predict(X, 4, 0, 2).shape == (8, 6)
    assert model.predict(X, 32, 0).shape == X.shape
    lines = []
    model.summary(60, None, lines.append)
    assert any("objective" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("adam", "mse"), "loss='mse'"),
        (("adam", None, [1.0]), r"loss_weights=\[1.0\]"),
        (("adam", None, None, ["mae"]), r"metrics=\['mae'\]"),
        (("adam", None, None, None, ["mae"]), r"weighted_metrics=\['mae'\]"),
    ],
)
def test_what_is_not_supported_is_named(arguments, named):
    with pytest.raises(ValueError, match=rf"compile\(\) received {named}: .*Leave it out"):
        small_model().compile(*arguments)
    with pytest.raises(TypeError, match="unexpected keyword argument 'los'"):
        small_model().compile(los="mse")


@pytest.mark.parametrize("batch_size", [0, 1.5])
def test_batch_sizes(batch_size):
    model = compiled(small_model())
    model.fit(X, verbose=0)
    for use in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match="batch_size=.*expected a positive integer"):
            use(X, batch_size=batch_size, verbose=0)
