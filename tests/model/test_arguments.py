"""What cannot be used is refused with what to do instead."""

import copy
import threading

import keras
import numpy as np
import pytest

import hiervae
from hiervae.errors import DataError, NonFiniteLossError
from hiervae.priors.standard_normal import StandardNormal
from hiervae.utils.seeding import construction_scope
from tests.support.models import EVENT_SIZE, binary_data, compiled, small_model, vhp

X = binary_data(12)


@pytest.fixture(scope="module")
def model():
    model = compiled(small_model(latent_dims=(3, 2)))
    model.fit(X, batch_size=4, verbose=0)
    return model


@pytest.mark.parametrize("seed", [-1, 2**31, 1.5, True, "a", np.random.default_rng(0)])
def test_seeds(model, seed):
    for use in (lambda: small_model(seed=seed), lambda: model.sample(2, seed=seed)):
        with pytest.raises(ValueError, match="seed=.*expected None or an integer from 0 to"):
            use()


def test_models_made_in_threads_start_from_their_seeds():
    entered = threading.Event()

    def build_another():
        with construction_scope(1, keras.DTypePolicy("float16")):
            entered.set()

    other = threading.Thread(target=build_another)
    with construction_scope(0, keras.DTypePolicy("float32")):
        other.start()
        assert not entered.wait(0.2), "the scope changes what belongs to the whole process"
        assert keras.config.dtype_policy().name == "float32"
    other.join()
    assert entered.is_set()


def test_seeds_of_numpy():
    assert small_model(seed=np.int64(3)).seed == 3


@pytest.mark.parametrize("batch_size", [0, -1, 1.5])
def test_batch_sizes(model, batch_size):
    latents = model.encode(X)
    for use in (
        lambda: model.fit(X, batch_size=batch_size),
        lambda: model.elbo(X, batch_size=batch_size),
        lambda: model.log_likelihood(X, 2, batch_size=batch_size),
        lambda: model.encode(X, batch_size=batch_size),
        lambda: model.decode(latents, batch_size=batch_size),
        lambda: model.sample(3, batch_size=batch_size),
    ):
        with pytest.raises(ValueError, match="batch_size=.*expected a positive integer"):
            use()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_weight": {0: 1.0}}, "no classes; weigh single examples by sample_weight"),
        ({"validation_split": 2.0}, "validation_split=2.0: expected a number from 0.0 to 1.0"),
        ({"validation_split": 0.99}, "leaves 0 of 12 examples to train on"),
        ({"epochs": -1}, "epochs=-1: expected an integer of at least 0"),
        ({"epochs": 1.5}, "epochs=1.5: expected an integer of at least 0"),
        ({"initial_epoch": -1}, "initial_epoch=-1: expected an integer of at least 0"),
        ({"steps_per_epoch": 0}, "steps_per_epoch=0: expected a positive integer"),
        ({"validation_steps": 0}, "validation_steps=0: expected a positive integer"),
        ({"validation_batch_size": 0}, "validation_batch_size=0: expected a positive integer"),
        ({"validation_batch_size": -1}, "validation_batch_size=-1: expected a positive integer"),
        ({"validation_freq": 0}, "validation_freq=0: expected a positive integer"),
        ({"validation_freq": "1"}, "validation_freq='1': expected a positive integer"),
        ({"callbacks": "tensorboard"}, "'tensorboard' of the type str: expected instances of"),
        ({"callbacks": [keras.callbacks.History]}, "of the type type: expected instances of"),
    ],
)
def test_fit(model, options, message):
    before = model.training_step
    with pytest.raises(ValueError, match=message):
        model.fit(X, verbose=0, **options)
    assert model.training_step == before


def test_epochs_to_validate_after(model):
    for freq, count in ((2, 1), ([1, 3], 2)):
        history = model.fit(
            X, validation_data=X, validation_freq=freq, epochs=3, batch_size=4, verbose=0
        )
        assert len(history.history["val_loss"]) == count


@pytest.mark.parametrize("steps", [0, -1, 1.5])
def test_steps(model, steps):
    for use in (model.evaluate, model.predict):
        with pytest.raises(ValueError, match="steps=.*expected a positive integer"):
            use(X, steps=steps, verbose=0)


@pytest.mark.parametrize(
    ("weights", "rows"), [([1] * 6 + [0] * 6, "6:"), ([0] * 6 + [1] * 6, ":6")]
)
def test_a_share_of_the_examples_without_weight(model, weights, rows):
    with pytest.raises(DataError, match=rf"sample_weight\[{rows}\] is 0 for every example"):
        model.fit(X, sample_weight=np.array(weights), validation_split=0.5, verbose=0)


def test_examples_to_validate_on_are_checked_beside_binarisation():
    model = compiled(small_model(dynamic_binarisation=True))
    greys = np.where(np.arange(12)[:, None] < 6, 0.5, X).astype("float32")
    model.fit(greys, validation_split=0.5, epochs=2, verbose=0)
    with pytest.raises(DataError, match="0 and 1"):
        model.fit(greys[::-1].copy(), validation_split=0.5, verbose=0)


def test_compile(model):
    for settings, message in (
        ({"optimizer": None}, "optimizer=None: expected a Keras optimiser"),
        ({"run_eagerly": "mse"}, "run_eagerly='mse': expected True or False"),
        ({"jit_compile": "mse"}, "jit_compile='mse': expected True or False"),
        ({"steps_per_execution": 0}, "steps_per_execution=0: expected a positive integer"),
    ):
        with pytest.raises(ValueError, match=message):
            small_model().compile(**settings)
    for method in ("fit", "evaluate"):
        with pytest.raises(ValueError, match=rf"{method}\(\).*model.compile\(optimizer\)"):
            getattr(small_model(), method)(X)


@pytest.mark.backends("torch")
def test_several_steps_an_execution_on_torch():
    with pytest.raises(ValueError, match="steps_per_execution=20: the torch backend runs at most"):
        small_model().compile(steps_per_execution=20)


def test_nothing_to_train():
    model = small_model()
    model.build((None, EVENT_SIZE))
    model.trainable = False
    with pytest.raises(ValueError, match="none of whose weights is trainable"):
        compiled(model).fit(X, verbose=0)


def test_weights_frozen_after_compiling():
    rule = hiervae.callbacks.BetaController("rewo", kappa=0.1)
    model = small_model(prior={"name": "vhp", "num_importance_samples": 2})
    model.compile(keras.optimizers.Adam())
    model.fit(X, verbose=0, callbacks=[rule])
    model.prior.trainable = False
    with pytest.raises(ValueError, match="frozen or thawed since the model was compiled"):
        model.fit(X, verbose=0, callbacks=[rule])


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ma.array(X, mask=X > 0), "x is a masked array; expected one with all values"),
        (
            255.0 * X,
            r"holds 255.0 at position \(0, 1\), .* 0 to 255; the Bernoulli .* from 0.0 to 1.0",
        ),
        (
            X.astype("float64") * 1e300,
            r"x holds 1e\+300 at position \(0, 1\), beyond float32; expected numbers that float32",
        ),
        ("a", "x is 'a'; expected an array of examples"),
    ],
)
def test_examples(model, x, message):
    for use in (model.fit, model.evaluate, model.predict, model.encode, model.elbo):
        with pytest.raises(DataError, match=message):
            use(x)


def test_greys_may_be_looked_at(model):
    assert model.encode(0.5 * X)[0].shape == (12, 3)
    assert model.predict(0.5 * X, verbose=0).shape == X.shape


def test_levels_of_different_lengths(model):
    with pytest.raises(DataError, match="latents holds arrays of 4, 5 rows; expected as many"):
        model.decode([np.zeros((4, 3)), np.zeros((5, 2))])
    with pytest.raises(DataError, match=r"latents\[1\] is 'a'"):
        model.decode([np.zeros((4, 3)), "a"])


@pytest.mark.parametrize("shape", [(4, 5), (3,), (0, 3), (4, 3, 1)])
def test_a_level_of_another_shape(model, shape):
    with pytest.raises(DataError, match=r"latents\[0\] has the shape .*; expected \(n, 3\) with n"):
        model.decode([np.zeros(shape), np.zeros((4, 2))])


def test_ranges_are_those_of_the_values_that_the_model_sees():
    """As scikit-learn's MinMaxScaler leaves them, just above 1 in float64."""
    model = compiled(small_model(likelihood={"name": "bernoulli", "allow_probabilities": True}))
    model.fit(np.where(X > 0, 1.0000000000000002, 0.0), batch_size=4, verbose=0)
    with pytest.raises(DataError, match="holds 1.00001"):
        model.fit(np.where(X > 0, 1.00001, 0.0), batch_size=4, verbose=0)


def test_a_loss_that_is_not_finite_names_its_term():
    model = compiled(small_model())
    model.build((None, EVENT_SIZE))
    kernel = model.likelihood.trainable_variables[0]
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(NonFiniteLossError, match="in evaluation; the term that went bad: recons"):
        model.evaluate(X, verbose=0)


def test_a_part_belongs_to_one_model():
    prior = StandardNormal()
    small_model(prior=prior).build((None, EVENT_SIZE))
    with pytest.raises(ValueError, match="belongs to another one.* Give a new instance"):
        small_model(prior=prior).build((None, EVENT_SIZE))


def test_a_copy_of_a_built_part_is_no_new_part():
    model = small_model(prior=vhp())
    model.build((None, EVENT_SIZE))
    prior_class = type(model.prior)
    with keras.saving.custom_object_scope({prior_class.__name__: prior_class}):
        copied = copy.deepcopy(model.prior)
    with pytest.raises(ValueError, match="or is a copy of such a part.* Give a new instance"):
        small_model(prior=copied).build((None, EVENT_SIZE))


def test_a_part_whose_constructor_says_that_it_is_built_is_taken():
    class Weightless(StandardNormal):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.built = True

    small_model(prior=Weightless()).build((None, EVENT_SIZE))


def test_building_again(model):
    model.build((None, EVENT_SIZE))
    with pytest.raises(ValueError, match=r"\(7,\), but was built for \(6,\)"):
        model.build((None, 7))
    for shape in (8, (None,), (None, 0), (None, None)):
        with pytest.raises(ValueError, match=r"expected \(batch, \*event_shape\)"):
            small_model().build(shape)


def test_options_of_the_model():
    with pytest.raises(ValueError, match="dynamic_binarisation='no': expected True or False"):
        small_model(dynamic_binarisation="no")
    assert small_model(latent_dims=np.array([2, 3])).latent_dims == (2, 3)


def test_the_loss_is_the_first_of_the_list(model):
    named = model.evaluate(X, verbose=0, return_dict=True)
    listed = model.evaluate(X, verbose=0)
    assert dict(zip(model.metrics_names, listed, strict=True)) == pytest.approx(named, rel=1e-5)
    assert model.metrics_names[0] == "loss"
    assert len(model.test_on_batch(X)) == len(listed)
    model.reset_generator(model.seed or 0, "test steps")
    on_batch = dict(zip(model.metrics_names, model.test_on_batch(X), strict=True))
    assert on_batch["loss"] == pytest.approx(named["loss"], rel=1e-5)
    assert on_batch["beta"] == 1.0


def test_parts_and_layers_start_from_different_numbers():
    """Pseudo-inputs (K, d) and the first kernel (d, h) once came from one seed."""
    options = {"name": "mlp", "hidden_units": (EVENT_SIZE,), "kernel_initializer": "random_normal"}
    prior = {"name": "vamp", "num_components": EVENT_SIZE, "initial_mean": 0.5}
    model = small_model(prior=prior, network=options)
    model.build((None, EVENT_SIZE))
    kernel = next(w for w in model.inference.trainable_variables if len(w.shape) == 2)
    first, second = (
        np.ravel(keras.ops.convert_to_numpy(weight)) for weight in (model.prior.inputs, kernel)
    )
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.6
