"""A frozen part or layer stays where it is, also when frozen before building or loaded."""

import keras
import numpy as np
import pytest

import hiervae
from hiervae.networks import KerasLayers
from tests.support.models import binary_data, compiled, small_model, vhp

X = binary_data(16)
ROLES = ("inference", "prior", "likelihood")


def new_model():
    return small_model(prior=vhp())


def values(layer):
    return [keras.ops.convert_to_numpy(weight).copy() for weight in layer.weights]


def moved(layer, before):
    return any(not np.array_equal(a, b) for a, b in zip(before, values(layer), strict=True))


def train(model):
    """One step; which parts moved."""
    model.build((None, X.shape[1]))
    before = {role: values(getattr(model, role)) for role in ROLES}
    model.fit(X, batch_size=16, verbose=0)
    return {role for role in ROLES if moved(getattr(model, role), before[role])}


@pytest.mark.parametrize("role", ROLES)
def test_a_part_frozen_before_the_first_fit_stays(role):
    model = compiled(new_model())
    getattr(model, role).trainable = False
    assert train(model) == set(ROLES) - {role}


@pytest.mark.parametrize("role", ROLES)
def test_a_frozen_part_stays_frozen_in_a_file(role, tmp_path):
    model = new_model()
    model.build((None, X.shape[1]))
    getattr(model, role).trainable = False
    compiled(model).save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert len(loaded.trainable_variables) == len(model.trainable_variables)
    assert train(loaded) == set(ROLES) - {role}
    assert loaded.get_config() == model.get_config()


def test_a_frozen_layer_of_a_part_stays_frozen_in_a_file(tmp_path):
    model = new_model()
    model.build((None, X.shape[1]))
    head = model.inference.posterior_heads[0]
    head.dense.trainable = False
    compiled(model).save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    shapes = [v.shape for v in model.trainable_variables]
    assert [v.shape for v in loaded.trainable_variables] == shapes
    before = values(loaded.inference.posterior_heads[0])
    assert train(loaded) == set(ROLES)
    assert not moved(loaded.inference.posterior_heads[0], before)


def test_a_layer_of_the_users_own_is_frozen_before_building():
    layer = keras.layers.Dense(4)
    layer.trainable = False
    encoder = keras.Sequential([layer, keras.layers.Dense(3)])
    model = compiled(small_model(network=KerasLayers(encoder, keras.layers.Dense(4))))
    model.build((None, X.shape[1]))
    before = values(layer)
    assert train(model) == {"inference", "likelihood"}
    assert not moved(layer, before)


def test_a_frozen_model_that_was_never_built_stays_frozen_in_a_config():
    model = new_model()
    model.prior.trainable = False
    copy = compiled(hiervae.HierarchicalVAE.from_config(model.get_config()))
    assert train(copy) == {"inference", "likelihood"}


@pytest.mark.parametrize("use", ["fit", "train_on_batch"])
def test_a_model_frozen_as_a_whole_is_refused_before_it_is_built(use):
    model = compiled(new_model())
    model.trainable = False
    with pytest.raises(ValueError, match="none of whose weights is trainable"):
        getattr(model, use)(X)


def test_a_model_frozen_as_a_whole_is_refused_also_from_a_config():
    model = new_model()
    model.trainable = False
    copy = compiled(hiervae.HierarchicalVAE.from_config(model.get_config()))
    copy.build((None, X.shape[1]))
    assert not copy.trainable_variables
    with pytest.raises(ValueError, match="none of whose weights is trainable"):
        copy.fit(X, verbose=0)


@pytest.mark.parametrize("first", [True, False], ids=["frozen", "thawed"])
def test_a_change_after_training_wants_compile(first):
    model = compiled(new_model())
    model.build((None, X.shape[1]))
    model.prior.trainable = first
    train(model)
    model.prior.trainable = not first
    with pytest.raises(ValueError, match=r"8 weights were frozen or thawed.*compile"):
        model.fit(X, verbose=0)
    model.compile(model.optimizer)
    with pytest.raises(ValueError, match="with a new optimiser"):
        model.fit(X, verbose=0)
    assert train(compiled(model)) == (set(ROLES) - {"prior"} if first else set(ROLES))


def test_a_change_in_the_middle_of_a_fit_is_refused():
    class Freeze(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.prior.trainable = epoch == 0

    model = compiled(new_model())
    with pytest.raises(ValueError, match="frozen or thawed since"):
        model.fit(X, epochs=3, verbose=0, callbacks=[Freeze()])
    assert np.isfinite(model.elbo(X)).all()


def test_an_optimizer_of_another_model_is_refused():
    optimizer = keras.optimizers.Adam()
    for model in (new_model(), new_model()):
        model.build((None, X.shape[1]))
        model.compile(optimizer)
        if not optimizer.built:
            model.fit(X, verbose=0)
    before = [keras.ops.convert_to_numpy(each) for each in model.trainable_variables]
    with pytest.raises(ValueError, match=r"Adam has the moments.*of another model"):
        model.fit(X, verbose=0)
    for weight, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)
