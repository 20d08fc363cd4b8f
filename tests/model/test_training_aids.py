"""Dynamic binarisation, free bits, averaged importance-weighted bounds, and fine-tuning."""

import keras
import numpy as np
import pytest
from scipy import special

import hiervae
from hiervae import random
from hiervae.callbacks import BetaController
from hiervae.errors import DataError
from tests.support.linear import LinearGaussian
from tests.support.models import binary_data, compiled, small_model, weights_of
from tests.support.noise import same_noise_everywhere

RATES = np.array([0.0, 0.1, 0.4, 0.6, 0.9, 1.0], dtype="float32")
GREYS = np.tile(RATES, (4000, 1))


def logs_of(model, x, **options):
    """The logs of one step over all of `x`, which moves nothing."""
    model.compile(keras.optimizers.SGD(0.0))
    history = model.fit(x, batch_size=len(x), shuffle=False, verbose=0, **options).history
    return {name: values[0] for name, values in history.items()}


def constant_rate_model(**options):
    """A model that gives every value the rate 0.5 + x / 4 whatever z is: logit(0.75) at most."""
    model = compiled(small_model(**options), keras.optimizers.SGD(0.0))
    model.build((None, len(RATES)))
    model.likelihood.logits.kernel.assign(np.zeros(model.likelihood.logits.kernel.shape))
    model.likelihood.logits.bias.assign(special.logit(0.5 + RATES / 4))
    return model


@pytest.mark.parametrize("steps", [1, pytest.param(4, marks=pytest.mark.backends("jax"))])
def test_each_step_draws_new_zeros_and_ones(steps):
    """The logged error of known rates is the cross-entropy of a fresh draw, epoch after epoch."""
    model = constant_rate_model(dynamic_binarisation=True)
    model.compile(keras.optimizers.SGD(0.0), steps_per_execution=steps)
    history = model.fit(GREYS[:800], batch_size=200, epochs=6, verbose=0).history
    found = np.array(history["reconstruction"])
    rates = 0.5 + RATES / 4
    expected = -(RATES * np.log(rates) + (1 - RATES) * np.log1p(-rates)).sum()
    spread = np.sqrt((RATES * (1 - RATES) * special.logit(rates) ** 2).sum() / 800)
    assert len(set(found)) == 6
    np.testing.assert_allclose(found, expected, atol=5 * spread)


def test_draws_compare_uniform_noise_with_the_values():
    model = constant_rate_model(dynamic_binarisation=True)
    uniform = np.random.default_rng(3).random((100, len(RATES))).astype("float32")

    def source(kind, shape):
        if kind == "normal":
            return np.zeros([int(size) for size in shape])
        return keras.ops.convert_to_tensor(uniform)[: shape[0], : shape[1]]

    with random.inject_noise(source):
        logs = logs_of(model, GREYS[:100])
    draws, rates = uniform < RATES, 0.5 + RATES / 4
    expected = -np.where(draws, np.log(rates), np.log1p(-rates)).sum(axis=1).mean()
    assert logs["reconstruction"] == pytest.approx(expected, rel=1e-5)


def test_a_validation_after_each_epoch_leaves_the_draws_new():
    """Validation begins its own draws anew each time; those of the zeros and ones go on."""
    model = constant_rate_model(dynamic_binarisation=True)
    fixed = hiervae.datasets.binarise(GREYS[:40], seed=1)
    options = {"batch_size": 40, "shuffle": False, "verbose": 0, "validation_data": (fixed,)}
    history = model.fit(GREYS[:40], epochs=5, **options).history
    assert len(set(history["reconstruction"])) == 5
    assert len(set(history["val_reconstruction"])) == 1


def test_evaluation_takes_data_as_it_is():
    model = constant_rate_model(dynamic_binarisation=True)
    with pytest.raises(DataError, match="Binarise the data"):
        model.evaluate(GREYS[:64], verbose=0)
    with pytest.raises(DataError, match="Binarise the data"):
        model.fit(GREYS[:64], validation_data=(GREYS[:64],), verbose=0)
    with pytest.raises(DataError, match="expects probabilities from 0 to 1"):
        model.fit(255 * GREYS[:64], verbose=0)
    fixed = hiervae.datasets.binarise(GREYS[:64], seed=1)
    first, second = (model.evaluate(fixed, verbose=0, return_dict=True) for _ in range(2))
    assert first == second


def test_greys_are_refused_without_it():
    with pytest.raises(DataError, match="Binarise the data"):
        compiled(small_model()).fit(GREYS, verbose=0)


def kl_of(linear, beta):
    """The logged KL of each level and the loss of a training batch."""
    controller = BetaController("constant", beta=beta)
    with same_noise_everywhere():
        logs = logs_of(linear.model, linear.x, callbacks=[controller])
    return [logs["kl_1"], logs["kl_2"]], logs["reconstruction"], logs["loss"]


@pytest.mark.parametrize(("dims", "lowest"), [((3, 2), 1), ((2, 3), 2)])
def test_free_bits_hold_the_floor_level_by_level(dims, lowest):
    levels, error, loss = kl_of(LinearGaussian(dims), 0.3)
    assert loss == pytest.approx(error + 0.3 * sum(levels), rel=1e-5)
    floor = float(np.mean(levels))
    again, _, loss = kl_of(LinearGaussian(dims, free_bits=floor), 0.3)
    assert again == pytest.approx(levels)
    assert min(levels) == levels[lowest - 1] < floor < max(levels)
    assert loss == pytest.approx(error + 0.3 * (floor + max(levels)), rel=1e-5)


def test_a_level_below_its_free_bits_feels_no_pull():
    """Nothing but the KL reaches the posterior here, so without free bits alone it moves."""
    for free_bits, moves in ((0.0, True), (50.0, False)):
        model = constant_rate_model(free_bits=free_bits)
        model.compile(keras.optimizers.SGD(0.1))
        before = weights_of(model)
        model.fit(binary_data(16), batch_size=16, verbose=0)
        after = weights_of(model)
        inference = [path for path in before if "posterior" in path]
        moved = any(not np.array_equal(before[path], after[path]) for path in inference)
        assert inference
        assert moved == moves


def test_evaluation_knows_no_free_bits():
    plain, free = LinearGaussian((3, 2)).model, LinearGaussian((3, 2), free_bits=100.0).model
    x = LinearGaussian((3, 2)).x
    with same_noise_everywhere():
        for model in (plain, free):
            model.compile()
        assert free.evaluate(x, verbose=0) == pytest.approx(plain.evaluate(x, verbose=0))


def test_averaged_importance_weighted_bounds_in_numpy():
    """5 draws of L_3: log-sum-exp within the groups of 3, the mean over the 5.

    Training weighs the KL with beta, evaluation with 1.
    """
    settings = {"bound": "importance_weighted", "num_samples": 3, "monte_carlo_samples": 5}
    linear = LinearGaussian((3, 2), **settings)
    with same_noise_everywhere():
        terms = linear.terms(15, closed_form=False)
        expected = {}
        for name, beta in (("loss", 0.3), ("val_loss", 1.0)):
            log_weights = terms["log_likelihood"] - beta * (terms["kl_1"] + terms["kl_2"])
            groups = log_weights.reshape(5, 3, -1)
            expected[name] = -(special.logsumexp(groups, axis=1) - np.log(3)).mean()
        controller = BetaController("constant", beta=0.3)
        logs = logs_of(linear.model, linear.x, callbacks=[controller], validation_data=(linear.x,))
        evaluated = linear.model.evaluate(linear.x, verbose=0, return_dict=True)
    assert {name: logs[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert evaluated["loss"] == pytest.approx(expected["val_loss"], rel=1e-5)


def test_fine_tuning_goes_on_with_weights_optimiser_and_step(tmp_path):
    x = binary_data(64)
    model = compiled(small_model(), keras.optimizers.Adam(1e-2))
    model.fit(x, batch_size=16, epochs=2, verbose=0)
    before = model.log_likelihood(x, num_samples=50)
    model.set_objective(bound="importance_weighted", num_samples=4, monte_carlo_samples=3)
    np.testing.assert_array_equal(model.log_likelihood(x, num_samples=50), before)
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-2, 8, 0.75, staircase=True)
    model.compile(keras.optimizers.Adam(schedule))
    model.fit(x, batch_size=16, epochs=10, verbose=0)
    assert model.training_step == 12 * 4
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(
        1e-2 * 0.75**5
    )
    assert model.log_likelihood(x, num_samples=50).mean() > before.mean()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.objective == model.objective
    assert loaded.objective.total_samples == 12
    loaded.fit(x, batch_size=16, verbose=0)


def test_changing_the_objective_alone_changes_the_next_fit():
    """The compiled step is made anew without another `compile`."""
    linear = LinearGaussian((2,))
    with same_noise_everywhere():
        logs_of(linear.model, linear.x)
        step = {"batch_size": len(linear.x), "shuffle": False, "verbose": 0}
        elbo = linear.model.fit(linear.x, **step).history["loss"][0]
        linear.model.set_objective(bound="importance_weighted", num_samples=5)
        tighter = linear.model.fit(linear.x, **step).history["loss"][0]
        terms = linear.terms(5, closed_form=False)
    weights = terms["log_likelihood"] - terms["kl_1"]
    expected = (special.logsumexp(weights, axis=0) - np.log(5)).mean()
    assert tighter == pytest.approx(-expected, rel=1e-5)
    assert tighter != pytest.approx(elbo, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"monte_carlo_samples": 2}, "bound='importance_weighted'"),
        ({"free_bits": 0.5, "bound": "importance_weighted"}, "bound='elbo'"),
        ({"free_bits": -1.0}, "free_bits=-1.0"),
        ({"free_bits": float("inf")}, "free_bits=inf"),
        ({"monte_carlo_samples": 0}, "monte_carlo_samples=0"),
    ],
)
def test_settings_that_do_not_go_together(settings, message):
    with pytest.raises(ValueError, match=message):
        small_model(**settings)


def test_unknown_settings_of_the_objective():
    with pytest.raises(ValueError, match="received samples; expected some of bound, num_samples"):
        small_model().set_objective(samples=3)
