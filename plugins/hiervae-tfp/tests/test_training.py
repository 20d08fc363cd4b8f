"""Training, saving and freezing; variables of TensorFlow Probability and tf_keras are weights."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from hiervae import HierarchicalVAE, cli, registry
from hiervae.testing import parametrize_with_checks
from tfp_support import (
    NETWORK,
    coupling_of_tf_keras,
    examples,
    flow_of_tf_keras,
    numpy,
    points,
    small_model,
    with_prior,
)

PRIORS = {
    "full_covariance_mixture": {"num_components": 3},
    "low_rank_mixture": {"num_components": 3, "rank": 1},
    "masked_autoregressive_flow": {"num_layers": 2, "hidden_units": [4]},
    "real_nvp": {"num_layers": 2, "hidden_units": [4]},
    "made": {"num_components": 2, "hidden_units": [4]},
}


def trained(model, epochs=2):
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(examples(), epochs=epochs, batch_size=20, verbose=0)
    return model


def check_training_and_saving(model, folder, count):
    """Every weight of the prior moves, and a loaded model has the same density."""
    prior = model.prior
    assert len(prior.trainable_variables) == count
    before = [numpy(weight) for weight in prior.trainable_variables]
    density = model.prior_log_prob(points(5, 3))
    trained(model)
    for weight, value in zip(prior.trainable_variables, before, strict=True):
        assert np.abs(numpy(weight) - value).max() > 1e-4, weight.path
    after = model.prior_log_prob(points(5, 3))
    assert np.abs(after - density).max() > 1e-3
    model.save(folder / "model.keras")
    again = keras.models.load_model(folder / "model.keras")
    np.testing.assert_allclose(again.prior_log_prob(points(5, 3)), after, rtol=1e-5)
    np.testing.assert_array_equal(again.sample(3, seed=1), model.sample(3, seed=1))
    assert json.loads(json.dumps(again.prior.get_config())) == again.prior.get_config()
    return again


@pytest.mark.parametrize("name", PRIORS)
def test_priors_train_save_and_load(name, tmp_path):
    model = with_prior(name, 3, **PRIORS[name])
    count = {"low_rank_mixture": 4, "full_covariance_mixture": 3, "made": 4}.get(name, 8)
    check_training_and_saving(model, tmp_path, count)


def test_a_function_trains_saves_and_loads(tmp_path):
    model = with_prior(flow_of_tf_keras, 3, units=4)
    again = check_training_and_saving(model, tmp_path, 6)
    assert again.prior.get_config()["distribution"] == {
        "function": "hiervae_tfp_tests>flow_of_tf_keras"
    }
    assert again.prior.get_config()["units"] == 4


@parametrize_with_checks(
    "tfp",
    kind="prior",
    distribution=coupling_of_tf_keras,
    expected_failures={"process": "no other process has the module that registers the function"},
)
def test_a_function_keeps_the_contract(check):
    check()


def test_variables_of_a_function_are_weights_under_their_constraints():
    model = with_prior(flow_of_tf_keras, 3)
    weights = {weight.name: weight for weight in model.prior.trainable_variables}
    assert all(isinstance(weight, keras.Variable) for weight in weights.values())
    flow = model.prior.to_tfp()
    held = {id(variable) for variable in flow.trainable_variables}
    assert held == {id(weight.value) for weight in weights.values()}
    masks = {
        id(weight): numpy(weight) != 0.0
        for weight in weights.values()
        if weight.constraint is not None
    }
    assert len(masks) == 2
    trained(model)
    known = {id(variable) for variable in model.optimizer.variables}
    assert len(known) > 2 * len(weights)
    for weight in weights.values():
        if id(weight) in masks:  # tf_keras keeps kernels autoregressive by their constraints alone
            np.testing.assert_array_equal(numpy(weight)[~masks[id(weight)]], 0.0)
            assert (~masks[id(weight)]).any()


def test_a_bijector_does_not_remember_what_it_made_with_other_weights():
    prior = with_prior(flow_of_tf_keras, 3).prior
    draws = prior.sample(4, seed=keras.random.SeedGenerator(0))
    before = numpy(prior.log_prob(draws))
    for weight in prior.trainable_variables:
        weight.assign(weight + 0.5)
    np.testing.assert_allclose(
        numpy(prior.log_prob(draws)), numpy(prior.log_prob(numpy(draws))), rtol=1e-5
    )
    assert np.abs(numpy(prior.log_prob(draws)) - before).max() > 1e-2


@pytest.mark.parametrize("distribution", ["real_nvp", flow_of_tf_keras])
def test_a_frozen_prior_stays_as_it_is(distribution):
    model = with_prior(distribution, 3)
    model.prior.trainable = False
    assert not model.prior.trainable_variables
    before = [numpy(weight) for weight in model.prior.weights]
    head = numpy(model.likelihood.weights[0])
    trained(model, epochs=1)
    for weight, value in zip(model.prior.weights, before, strict=True):
        np.testing.assert_array_equal(numpy(weight), value)
    assert np.abs(numpy(model.likelihood.weights[0]) - head).max() > 0.0


def test_a_mixture_finds_the_distribution_of_its_data():
    """The prior alone, by maximum likelihood, on draws of two separated normals."""
    prior = with_prior("full_covariance_mixture", 2, num_components=2).prior
    generator = np.random.default_rng(0)
    which = generator.random(2000) < 0.3
    data = generator.standard_normal((2000, 2)) * 0.5 + np.where(which, 2.0, -1.0)[:, None]
    data = data.astype("float32")
    optimizer = keras.optimizers.Adam(0.05)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(prior.log_prob(data))
        gradients = tape.gradient(loss, prior.trainable_variables)
        optimizer.apply(gradients, prior.trainable_variables)

    for _ in range(300):
        step()
    flow = prior.to_tfp()
    shares = np.sort(numpy(flow.mixture_distribution.probs_parameter()))
    np.testing.assert_allclose(shares, [0.3, 0.7], atol=0.03)
    locations = np.sort(numpy(flow.components_distribution.mean()), axis=0)
    np.testing.assert_allclose(locations, [[-1.0, -1.0], [2.0, 2.0]], atol=0.1)


@pytest.mark.parametrize(
    ("likelihood", "data"),
    [
        ({"distribution": "negative_binomial"}, 7.0 * examples()),
        ({"distribution": "quantised_logistic_mixture", "levels": 4}, examples()),
    ],
)
def test_likelihoods_train_save_and_load(likelihood, data, tmp_path):
    model = small_model(likelihood={"name": "tfp", **likelihood})
    model.compile(keras.optimizers.Adam(0.05))
    before = model.elbo(data).mean()
    model.fit(data, epochs=15, batch_size=20, verbose=0)
    after = model.elbo(data, seed=1)
    assert after.mean() > before + 1.0
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.elbo(data, seed=1), after, rtol=1e-5)


def test_tf_keras_has_the_minor_version_of_tensorflow():
    assert tf_keras.__version__.split(".")[:2] == tf.__version__.split(".")[:2]
    assert keras.__version__.split(".")[0] == "3"


def test_training_and_evaluation_by_the_command_line(tmp_path, capfd):
    np.save(tmp_path / "own.npy", 3.0 * examples(60))
    run = tmp_path / "run"
    prior = {"name": "tfp", "distribution": "masked_autoregressive_flow", "num_layers": 1}
    options = [
        f"--dataset={tmp_path / 'own.npy'}",
        f"--out={run}",
        "--epochs=1",
        "--batch-size=20",
        "--set=model.network.hidden_units=[8]",
        f"--set=model.prior={json.dumps(prior)}",
        "--set=model.prior.hidden_units=[4]",
        "--set=model.likelihood=tfp",
        "--set=model.likelihood.distribution=poisson",
    ]
    assert cli.main(["train", *options]) == 0, capfd.readouterr().err
    config = (run / "config.json").read_text()
    assert "masked_autoregressive_flow" in config
    assert "hiervae-tfp" in config
    assert cli.main(["evaluate", str(run), "--num-samples=5"]) == 0, capfd.readouterr().err
    model = keras.models.load_model(run / "model.keras")
    assert type(model.prior).__name__ == "TFPPrior"
    assert type(model.likelihood).__name__ == "TFPLikelihood"


def test_a_wrong_config_ends_the_command_with_one_line(tmp_path, capfd):
    np.save(tmp_path / "own.npy", examples(60))
    options = [f"--dataset={tmp_path / 'own.npy'}", f"--out={tmp_path / 'run'}"]
    prior = {"name": "tfp", "distribution": "MultivariateNormalDiag", "scale": 1.0}
    assert cli.main(["train", *options, f"--set=model.prior={json.dumps(prior)}"]) != 0
    message = capfd.readouterr().err
    assert "prior.scale=1.0: expected an argument of tfd.MultivariateNormalDiag" in message
    assert "Traceback" not in message


def test_a_part_of_the_config_of_a_whole_model():
    model = HierarchicalVAE(
        latent_dims=(2, 3),
        prior={"name": "tfp", "distribution": "real_nvp"},
        inference="top_down",
        network=NETWORK,
        seed=0,
    )
    again = HierarchicalVAE.from_config(json.loads(json.dumps(model.get_config())))
    assert again.prior.get_config()["distribution"] == "real_nvp"
    record = registry.describe("hiervae.priors", model.prior)
    assert record["name"] == "tfp"
    assert record["distribution"] == "hiervae-tfp"
