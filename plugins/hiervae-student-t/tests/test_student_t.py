from importlib.metadata import entry_points

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, registry
from hiervae.errors import HiervaeError
from hiervae.testing import check_prior, inject_noise
from keras import ops
from scipy import stats

from hiervae_student_t import StudentT

NU = np.array([1.0, 2.5, 30.0, 1000.0])
SCALE = np.array([0.3, 1.0, 2.0, 1.0])


@pytest.fixture
def prior():
    model = HierarchicalVAE(latent_dims=4, prior=StudentT, network={"name": "mlp"}, seed=0)
    model.build((None, 6))
    model.prior.log_degrees_of_freedom.assign(np.log(NU))
    model.prior.log_scale.assign(np.log(SCALE))
    return model.prior


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def test_it_keeps_the_contract_of_a_prior():
    check_prior("student_t")


def test_it_keeps_the_contract_with_options():
    check_prior("student_t", degrees_of_freedom=2.0, scale=0.5, trainable=False)


def test_log_prob_against_scipy(prior):
    latent = np.random.default_rng(0).standard_t(2.0, size=(50, 4)).astype("float32")
    expected = stats.t.logpdf(latent, NU, scale=SCALE).sum(axis=-1)
    got = numpy(prior.log_prob(ops.convert_to_tensor(latent)))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_log_prob_far_out_against_scipy(prior):
    latent = np.array([[1e6, -1e6, 1e3, 30.0]], dtype="float32")
    expected = stats.t.logpdf(latent, NU, scale=SCALE).sum(axis=-1)
    got = numpy(prior.log_prob(ops.convert_to_tensor(latent)))
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_draws_are_those_of_scipy_s_distribution(prior):
    draws = numpy(prior.sample(20_000, seed=keras.random.SeedGenerator(0)))
    for column, nu, scale in zip(draws.T, NU, SCALE, strict=True):
        assert stats.kstest(column, stats.t(nu, scale=scale).cdf).pvalue > 1e-4
    ranks = stats.spearmanr(draws).statistic
    assert np.abs(ranks[~np.eye(4, dtype=bool)]).max() < 0.04


def test_the_two_coordinates_of_the_polar_method(prior):
    noise = np.stack([np.full((3, 4), 0.75), np.array([[0.0], [0.25], [0.5]]) + np.zeros((3, 4))])
    with inject_noise(lambda kind, shape: noise.astype("float32")):
        draws = numpy(prior.sample(3, seed=None))
    radius = SCALE * np.sqrt(NU * (0.25 ** (-2.0 / NU) - 1.0))
    np.testing.assert_allclose(draws, np.array([[1.0], [0.0], [-1.0]]) * radius, atol=1e-4)


def test_it_learns_how_heavy_the_tails_are():
    model = HierarchicalVAE(latent_dims=1, prior=StudentT, network={"name": "mlp"}, seed=0)
    model.build((None, 2))
    latent = np.random.default_rng(0).standard_normal((4000, 1)).astype("float32")
    scores = {}
    for nu in (1.0, 5.0, 1000.0):
        model.prior.log_degrees_of_freedom.assign(np.log([nu]))
        scores[nu] = numpy(model.prior.log_prob(ops.convert_to_tensor(latent))).mean()
    assert scores[1000.0] > scores[5.0] > scores[1.0]
    exact = stats.norm.logpdf(latent).mean()
    assert scores[1000.0] == pytest.approx(exact, abs=2e-3)


def test_fixed_values_have_no_trainable_weights():
    model = HierarchicalVAE(latent_dims=2, prior={"name": "student_t", "trainable": False}, seed=0)
    model.build((None, 6))
    assert not model.prior.trainable_variables
    np.testing.assert_allclose(numpy(model.prior.degrees_of_freedom_values()), 5.0, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"degrees_of_freedom": 0.5},
        {"degrees_of_freedom": "many"},
        {"scale": 0.0},
        {"scale": 1e-3},
        {"scale": 1000},
    ],
)
def test_options_that_are_out_of_range(options):
    with pytest.raises((HiervaeError, ValueError), match=next(iter(options))):
        registry.create("hiervae.priors", {"name": "student_t", **options}, StudentT)


@pytest.mark.parametrize("scale", [0.007, 148])
def test_a_scale_starts_where_it_is_said(scale):
    model = HierarchicalVAE(latent_dims=2, prior={"name": "student_t", "scale": scale}, seed=0)
    model.build((None, 6))
    np.testing.assert_allclose(numpy(model.prior.scale_values()), scale, rtol=1e-5)


def test_it_is_found_by_its_entry_point():
    (point,) = entry_points(group="hiervae.priors", name="student_t")
    assert point.load() is StudentT
    assert point.dist.name == "hiervae-student-t"
    record = registry.describe("hiervae.priors", StudentT())
    assert (record["name"], record["distribution"]) == ("student_t", "hiervae-student-t")


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_it_trains_in_mixed_precision(dtype):
    x = (np.random.default_rng(0).random((32, 6)) < 0.5).astype("float32")
    model = HierarchicalVAE(latent_dims=32, prior="student_t", dtype=dtype, seed=0)
    model.compile("adam")
    history = model.fit(x, batch_size=16, verbose=0).history
    assert np.isfinite(history["loss"]).all()
