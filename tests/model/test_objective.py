"""Every logged number against NumPy, at the same noise."""

import keras
import numpy as np
import pytest
from scipy import special

from hiervae.callbacks import BetaController
from tests.support.linear import LinearGaussian
from tests.support.noise import same_noise_everywhere

CASES = {
    "elbo": {"num_samples": 1},
    "elbo of several samples": {"num_samples": 3},
    "monte carlo": {"num_samples": 3, "kl": "monte_carlo"},
    "importance weighted": {"num_samples": 3, "bound": "importance_weighted"},
}
LEVELS = {"one level": (2,), "two levels": (3, 2)}
BETA = 0.3


def expected_logs(linear, beta):
    """The batch's metrics by NumPy."""
    model = linear.model
    weighted = model.objective.bound == "importance_weighted"
    closed_form = model.objective.kl == "closed_form" and not weighted
    terms = linear.terms(model.objective.num_samples, closed_form)
    names = [f"kl_{level}" for level in range(1, len(linear.dims) + 1)]
    kl = sum(terms[name] for name in names)
    log_weights = terms["log_likelihood"] - beta * kl
    bound = log_weights.mean(axis=0)
    if weighted:
        bound = special.logsumexp(log_weights, axis=0) - np.log(model.objective.num_samples)
    return {
        "loss": -bound.mean(),
        "elbo": (terms["log_likelihood"] - kl).mean(),
        "reconstruction": -terms["log_likelihood"].mean(),
        "kl": kl.mean(),
        "constraint": terms["error"].mean(),
        "beta": beta,
        "phase": 1.0,
        **{name: terms[name].mean() for name in names},
    }


def compare(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5, abs=1e-5), name


@pytest.mark.compiles(4)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("levels", LEVELS)
def test_evaluation_and_training(levels, case):
    """Training weighs the KL with beta, evaluation with 1; a zero learning rate moves nothing."""
    linear = LinearGaussian(LEVELS[levels], **CASES[case])
    linear.model.compile(keras.optimizers.SGD(0.0))
    with same_noise_everywhere():
        history = linear.model.fit(
            linear.x,
            shuffle=False,
            verbose=0,
            callbacks=[BetaController("constant", beta=BETA)],
            validation_data=(linear.x,),
        ).history
    trained = {name: values[0] for name, values in history.items() if name[:4] != "val_"}
    compare(trained, expected_logs(linear, BETA))
    validated = {name[4:]: values[0] for name, values in history.items() if name[:4] == "val_"}
    compare(validated, expected_logs(linear, 1.0))


@pytest.mark.parametrize("name", ["bound", "kl"])
def test_unknown_choices(name):
    with pytest.raises(ValueError, match=f"{name}='tight': expected one of '.*', '.*'"):
        LinearGaussian((2,), **{name: "tight"})


def test_the_elbo_of_examples_does_not_hang_on_the_objective():
    linear = LinearGaussian((3, 2))
    expected = linear.model.elbo(linear.x, num_samples=2, seed=0)
    for changes in ({"kl": "monte_carlo"}, {"bound": "importance_weighted", "num_samples": 3}):
        linear.model.set_objective(**changes)
        np.testing.assert_array_equal(linear.model.elbo(linear.x, num_samples=2, seed=0), expected)


def test_predictions_decode_posterior_means():
    linear = LinearGaussian((3, 2))
    mean = (linear.x @ linear.up[0] + linear.up_bias[0]) @ linear.down[0] + linear.down_bias[0]
    np.testing.assert_allclose(
        linear.model.predict(linear.x, verbose=0), mean, rtol=1e-4, atol=1e-5
    )
