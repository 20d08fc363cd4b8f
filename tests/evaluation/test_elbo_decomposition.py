import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from hiervae.errors import DataError, NonFiniteLossError
from hiervae.evaluation import elbo_decomposition

X = np.random.default_rng(99).normal(size=(1000, 1)) * 1.5


def scalar_model(linear_model, prior, encoder=0.8, variance=0.3, decoder=1.2, noise=0.5):
    return linear_model([[[encoder]]], [[variance]], prior, [[decoder]], noise)


def test_parts_of_a_scalar_model_are_closed_form(linear_model, normal_prior):
    model = scalar_model(linear_model, normal_prior([0.2], [[2.0]]))
    found = elbo_decomposition(model, X, num_samples=5)
    misfit = (X - 1.2 * 0.8 * X) ** 2 + 1.2**2 * 0.3
    reconstruction = -0.5 * (np.log(2 * np.pi * 0.5) + misfit / 0.5).mean()
    entropy = 0.5 * np.log(2 * np.pi * np.e * 0.3)
    cross_entropy = 0.5 * (np.log(2 * np.pi * 2.0) + ((0.8 * X - 0.2) ** 2 + 0.3) / 2.0).mean()
    # Many normal examples: q(z) is normal, and the channel from x to z is a Gaussian one.
    spread = 0.8**2 * X.var() + 0.3
    information = 0.5 * np.log(spread / 0.3)
    assert found.reconstruction == pytest.approx(reconstruction, abs=0.03)
    assert found.posterior_entropy == pytest.approx(entropy, abs=1e-6)
    assert found.cross_entropy == pytest.approx(cross_entropy, abs=1e-5)
    assert found.mutual_information == pytest.approx(information, abs=0.03)
    marginal = norm(0.8 * X.mean(), np.sqrt(spread))
    divergence = quad(
        lambda z: marginal.pdf(z) * (marginal.logpdf(z) - norm.logpdf(z, 0.2, np.sqrt(2.0))), -8, 8
    )[0]
    assert found.marginal_kl == pytest.approx(divergence, abs=0.03)
    assert found.conditional_kl == 0.0
    assert found.elbo == pytest.approx(found.reconstruction - cross_entropy + entropy, abs=1e-5)
    assert found.estimated == (
        "elbo",
        "reconstruction",
        "mutual_information",
        "marginal_kl",
    )
    assert (found.num_examples, found.num_samples, found.prior_is_exact) == (1000, 5, True)


def test_mutual_information_of_two_examples_against_quadrature(linear_model, normal_prior):
    model = scalar_model(linear_model, normal_prior([0.0], [[1.0]]), encoder=1.0, variance=0.5)
    # Repeating both leaves their mixture as it is and averages over more draws.
    found = elbo_decomposition(model, np.repeat([[-0.6], [0.9]], 1000, axis=0), num_samples=2)

    def mixture(z):
        return 0.5 * (norm.pdf(z, -0.6, np.sqrt(0.5)) + norm.pdf(z, 0.9, np.sqrt(0.5)))

    entropy = -quad(lambda z: mixture(z) * np.log(mixture(z)), -8, 8)[0]
    expected = entropy - 0.5 * np.log(2 * np.pi * np.e * 0.5)
    assert found.mutual_information == pytest.approx(expected, abs=0.02)


def test_mutual_information_at_its_ends(linear_model, normal_prior):
    prior = normal_prior([0.0], [[1.0]])
    apart = np.arange(300.0)[:, None]
    separate = scalar_model(linear_model, prior, encoder=100.0, variance=0.01)
    assert elbo_decomposition(separate, apart).mutual_information == pytest.approx(np.log(300))
    collapsed = scalar_model(linear_model, prior, encoder=0.0, variance=1.0)
    found = elbo_decomposition(collapsed, apart)
    assert found.mutual_information == pytest.approx(0.0, abs=1e-12)
    assert found.marginal_kl == pytest.approx(0.0, abs=1e-6)


def test_estimated_prior_is_labelled(linear_model, normal_prior):
    known = elbo_decomposition(
        scalar_model(linear_model, normal_prior([0.2], [[2.0]])), X, num_samples=5
    )
    prior = normal_prior([0.2], [[2.0]], known=False, is_exact=False)
    found = elbo_decomposition(scalar_model(linear_model, prior), X, num_samples=5)
    assert found.cross_entropy == pytest.approx(known.cross_entropy, abs=0.03)
    assert found.elbo == pytest.approx(known.elbo, abs=0.05)
    assert "cross_entropy" in found.estimated
    assert not found.prior_is_exact


@pytest.mark.parametrize("flat", [False, True])
def test_parts_add_up_over_levels(linear_model, normal_prior, flat):
    x = np.random.default_rng(1).normal(size=(520, 3))
    encoder = np.array([[1.0, -0.5, 0.0], [0.2, 0.0, 0.3]])
    above = [[0.5, 0.1, 0.0]] if flat else [[0.7, 0.4]]
    size = 3 if flat else 1
    model = linear_model(
        [encoder, above],
        [[0.25, 1.7], [0.3]],
        normal_prior(np.zeros(size), np.eye(size)),
        np.ones((3, 2)),
        down=None if flat else (np.array([[0.5], [-1.0]]), 0.8),
        flat=flat,
    )
    found = elbo_decomposition(model, x, num_samples=2)
    assert (found.conditional_kl != 0) is not flat
    assert ("conditional_kl" in found.estimated) is not flat
    kl = found.cross_entropy - found.conditional_entropy
    assert found.elbo == pytest.approx(found.reconstruction - found.conditional_kl - kl)
    assert kl == pytest.approx(found.mutual_information + found.marginal_kl)
    entropies = [np.log(0.3)] if not flat else np.log([0.25, 1.7, 0.3])
    expected = 0.5 * np.sum(np.log(2 * np.pi * np.e) + entropies)
    assert found.conditional_entropy == pytest.approx(expected)
    assert found.given_example is flat
    # Channel from x (flat) or from z_1 (stacked) into the latent that the prior governs.
    assert 0.2 < found.mutual_information < np.log(520)


@pytest.mark.parametrize("top_down", [False, True])
def test_posterior_entropy_is_that_given_the_example_or_nothing(
    linear_model, normal_prior, top_down
):
    """Bottom-up, z_2 | x has variance 0.49 * 0.25 + 0.3, and z_2 | z_1 only 0.3."""
    x = np.random.default_rng(1).normal(size=(50, 1))
    model = linear_model(
        [[[1.0]], [[0.7]]],
        [[0.25], [0.3]],
        normal_prior([0.0], [[1.0]]),
        [[1.0]],
        down=(np.array([[0.5]]), 0.8),
        top_down=top_down,
    )
    found = elbo_decomposition(model, x)
    drawn = 0.5 * np.log(2 * np.pi * np.e * 0.3)
    assert found.conditional_entropy == pytest.approx(drawn)
    if top_down:
        assert found.posterior_entropy == pytest.approx(drawn)
        return
    assert found.conditional_entropy < 0.5 * np.log(2 * np.pi * np.e * (0.49 * 0.25 + 0.3))
    with pytest.raises(ValueError, match="Use conditional_entropy, that of q"):
        _ = found.posterior_entropy


def test_same_seed_same_numbers(linear_model, normal_prior):
    model = scalar_model(linear_model, normal_prior([0.0], [[1.0]]))
    assert elbo_decomposition(model, X, seed=4) == elbo_decomposition(model, X, seed=4)
    assert elbo_decomposition(model, X, seed=4).elbo != elbo_decomposition(model, X, seed=5).elbo


def test_bad_input(linear_model, normal_prior):
    model = scalar_model(linear_model, normal_prior([0.0], [[1.0]]))
    with pytest.raises(DataError, match="n >= 1"):
        elbo_decomposition(model, X[:0])
    with pytest.raises(ValueError, match="num_samples"):
        elbo_decomposition(model, X, num_samples=1.5)
    with pytest.raises(NonFiniteLossError, match="The reconstruction of an example came out NaN"):
        elbo_decomposition(scalar_model(linear_model, model.prior, decoder=np.nan), X)
