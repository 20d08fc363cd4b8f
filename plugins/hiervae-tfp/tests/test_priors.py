"""Densities and draws of priors against SciPy and against TensorFlow Probability."""

import numpy as np
import pytest
from keras import ops
from scipy import special, stats
from tfp_support import moved, numpy, points, seed, tfb, tfd, weights, with_prior

LATENT = points(9, 3)


def tril(raw, size):
    """The matrices that `FillScaleTriL` makes."""
    matrices = numpy(tfb.FillTriangular().forward(raw))
    diagonal = np.log1p(np.exp(np.diagonal(matrices, axis1=-2, axis2=-1))) + 1e-3
    return np.tril(matrices, -1) + diagonal[..., None] * np.eye(size)


def test_full_covariance_mixture_against_scipy():
    prior = moved(with_prior("full_covariance_mixture", 3, num_components=4).prior)
    logits, locations, raw = weights(prior).values()
    matrices = tril(raw, 3)
    parts = [
        stats.multivariate_normal.logpdf(LATENT, location, matrix @ matrix.T)
        for location, matrix in zip(locations, matrices, strict=True)
    ]
    log_weights = special.log_softmax(logits)
    expected = special.logsumexp(np.stack(parts) + log_weights[:, None], axis=0)
    np.testing.assert_allclose(numpy(prior.log_prob(LATENT)), expected, rtol=1e-4, atol=1e-4)
    draws = numpy(prior.sample(40_000, seed=seed()))
    shares = np.exp(log_weights)
    np.testing.assert_allclose(draws.mean(axis=0), shares @ locations, atol=0.1)


def test_low_rank_mixture_against_scipy():
    prior = moved(with_prior("low_rank_mixture", 3, num_components=2, rank=1).prior)
    logits, locations, raw, factors = weights(prior).values()
    diagonals = np.log1p(np.exp(raw)) + 1e-3
    parts = [
        stats.multivariate_normal.logpdf(LATENT, location, np.diag(diagonal) + factor @ factor.T)
        for location, diagonal, factor in zip(locations, diagonals, factors, strict=True)
    ]
    expected = special.logsumexp(np.stack(parts) + special.log_softmax(logits)[:, None], axis=0)
    np.testing.assert_allclose(numpy(prior.log_prob(LATENT)), expected, rtol=1e-4, atol=1e-4)


def bounded(network):
    def function(vectors, *args, **kwargs):
        shift, raw = np.split(numpy(network(vectors)), 2, axis=-1)
        return ops.convert_to_tensor(shift[..., 0]), 1.5 * ops.tanh(raw[..., 0] / 1.5)

    return function


@pytest.mark.parametrize("name", ["masked_autoregressive_flow", "real_nvp"])
def test_flows_against_a_chain_of_bijectors(name):
    options = {"num_layers": 3, "hidden_units": [6], "log_scale_bound": 1.5}
    prior = moved(with_prior(name, 3, **options).prior)
    parts = []
    for network in prior.networks:
        if name == "real_nvp":
            parts.append(tfb.RealNVP(num_masked=1, shift_and_log_scale_fn=bounded(network)))
        else:
            parts.append(tfb.MaskedAutoregressiveFlow(bounded(network)))
        parts.append(tfb.Permute(np.array([2, 1, 0], "int32")))
    base = tfd.MultivariateNormalDiag(np.zeros(3, "float32"))
    expected = tfd.TransformedDistribution(base, tfb.Chain(parts[:-1])).log_prob(LATENT)
    np.testing.assert_allclose(numpy(prior.log_prob(LATENT)), numpy(expected), rtol=1e-4, atol=1e-3)
    assert np.abs(numpy(expected) - stats.norm.logpdf(LATENT).sum(axis=1)).min() > 0.01


def test_made_is_a_product_of_mixtures_given_the_dimensions_before():
    prior = moved(with_prior("made", 3, num_components=2, hidden_units=[6]).prior, 1.0)
    (network,) = prior.networks
    outputs = numpy(network(LATENT)).astype("float64")
    for axis in range(3):  # those of a dimension depend on the ones before it alone
        changed = LATENT.copy()
        changed[:, axis:] += 1.0
        after = numpy(network(changed))
        np.testing.assert_allclose(after[:, : axis + 1], outputs[:, : axis + 1], atol=1e-5)
        assert axis == 2 or np.abs(after[:, axis + 1] - outputs[:, axis + 1]).max() > 1e-3
    logits, locations, raw = outputs[..., :2], outputs[..., 2:4], outputs[..., 4:]
    locations = locations + np.array([-0.5, 0.5])
    low, high = np.log([0.01, 100.0]).astype("float32")
    scales = np.exp(numpy(tfb.SoftClip(low=low, high=high).forward(raw.astype("float32"))))
    parts = stats.norm.logpdf(LATENT[..., None], locations, scales)
    expected = special.logsumexp(parts + special.log_softmax(logits, axis=-1), axis=-1).sum(axis=1)
    np.testing.assert_allclose(numpy(prior.log_prob(LATENT)), expected, rtol=1e-3, atol=1e-3)


def test_a_config_with_all_constraints():
    config = {
        "tfd": "MixtureSameFamily",
        "mixture_distribution": {
            "tfd": "Categorical",
            "probs": {"variable": [3], "constraint": "simplex", "initial": [0.2, 0.3, 0.5]},
        },
        "components_distribution": {
            "tfd": "MultivariateNormalTriL",
            "loc": {"variable": [3, "size"], "constraint": "increasing", "initial": [-1.0, 2.0]},
            "scale_tril": {
                "variable": ["size", "size"],
                "constraint": "correlation_tril",
                "initial": [[1.0, 0.0], [0.6, 0.8]],
            },
        },
    }
    prior = with_prior(config).prior
    parts = stats.multivariate_normal.logpdf(points(9, 2), [-1.0, 2.0], [[1.0, 0.6], [0.6, 1.0]])
    np.testing.assert_allclose(numpy(prior.log_prob(points(9, 2))), parts, rtol=1e-4, atol=1e-4)


def test_a_bijector_chain_as_a_config():
    """Vectors exp(s y + m), whose density is that of log-normal values."""
    config = {
        "tfd": "TransformedDistribution",
        "distribution": {
            "tfd": "Sample",
            "distribution": {"tfd": "Normal", "loc": 0.0, "scale": 1.0},
            "sample_shape": "size",
        },
        "bijector": {
            "tfb": "Chain",
            "bijectors": [
                {"tfb": "Exp"},
                {"tfb": "Shift", "shift": {"variable": ["size"], "initial": [0.5, -0.5]}},
                {
                    "tfb": "Scale",
                    "scale": {
                        "variable": ["size"],
                        "initial": 2.0,
                        "constraint": {"tfb": "Softplus"},
                        "trainable": False,
                    },
                },
            ],
        },
    }
    prior = with_prior(config).prior
    assert [tuple(weight.shape) for weight in prior.trainable_variables] == [(2,)]
    latent = np.exp(points(7, 2))
    expected = stats.lognorm.logpdf(latent, 2.0, scale=np.exp([0.5, -0.5])).sum(axis=1)
    np.testing.assert_allclose(numpy(prior.log_prob(latent)), expected, rtol=1e-4, atol=1e-4)
    draws = np.log(numpy(prior.sample(20_000, seed=seed())))
    np.testing.assert_allclose(draws.mean(axis=0), [0.5, -0.5], atol=0.06)
    np.testing.assert_allclose(draws.std(axis=0), 2.0, atol=0.06)


def test_arguments_beside_the_name_of_a_class():
    prior = with_prior("MultivariateNormalDiag", loc=[1.0, 2.0], scale_diag=[1, 3]).prior
    expected = stats.norm.logpdf(points(5, 2), [1.0, 2.0], [1.0, 3.0]).sum(axis=1)
    np.testing.assert_allclose(numpy(prior.log_prob(points(5, 2))), expected, rtol=1e-5)
    assert type(prior.to_tfp()).__name__.endswith("MultivariateNormalDiag")
