import keras
import numpy as np
from scipy import integrate, stats

from hiervae.distributions import DiagonalNormal, kl_divergence
from tests.support.models import numpy_of, tensor
from tests.support.statistics import assert_mean

RNG = np.random.default_rng(1)
Q = RNG.normal(size=(5, 2)), RNG.uniform(-3.0, 1.0, size=(5, 2))
P = RNG.normal(size=(5, 2)), RNG.uniform(-2.0, 1.0, size=(5, 2))


def normal(parameters) -> DiagonalNormal:
    return DiagonalNormal(*(tensor(p) for p in parameters))


def quadrature(q, p) -> float:
    """KL of two normals in one dimension by numerical integration."""
    q = stats.norm(q[0], np.exp(0.5 * q[1]))
    p = stats.norm(p[0], np.exp(0.5 * p[1]))
    low, high = q.mean() - 12 * q.std(), q.mean() + 12 * q.std()
    return integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), low, high, limit=200)[0]


def test_normals_against_quadrature():
    expected = [
        sum(quadrature((Q[0][i, j], Q[1][i, j]), (P[0][i, j], P[1][i, j])) for j in range(2))
        for i in range(5)
    ]
    np.testing.assert_allclose(numpy_of(kl_divergence(normal(Q), normal(P))), expected, rtol=1e-4)


def test_normals_against_monte_carlo():
    q, p = normal(Q).repeat(20_000), normal(P).repeat(20_000)
    draw, log_q = q.sample_and_log_prob(keras.random.SeedGenerator(2))
    differences = numpy_of(log_q - p.log_prob(draw)).reshape(20_000, 5)
    assert_mean(differences, numpy_of(kl_divergence(normal(Q), normal(P))))


def test_equal_normals_have_none():
    np.testing.assert_allclose(numpy_of(kl_divergence(normal(Q), normal(Q))), 0.0, atol=1e-6)


def test_one_row_broadcasts_against_many():
    single = DiagonalNormal.standard(1, 2)
    many = DiagonalNormal.standard(5, 2)
    np.testing.assert_allclose(
        numpy_of(kl_divergence(normal(Q), single)), numpy_of(kl_divergence(normal(Q), many))
    )


def test_a_pair_without_closed_form_gives_none():
    assert kl_divergence(normal(Q), object()) is None


def test_events_of_several_axes():
    """The closed form is the sum over all axes of the divergences by quadrature."""
    shape = (2, 2, 1, 2)
    parameters = [RNG.uniform(-1.0, 1.0, size=shape) for _ in range(4)]
    q, p = (
        DiagonalNormal(tensor(mean), tensor(log_variance), event_rank=3)
        for mean, log_variance in (parameters[:2], parameters[2:])
    )
    expected = np.zeros(shape)
    for index in np.ndindex(shape):
        mean_q, log_q, mean_p, log_p = (each[index] for each in parameters)
        first = stats.norm(mean_q, np.exp(0.5 * log_q))
        second = stats.norm(mean_p, np.exp(0.5 * log_p))

        def integrand(z, first=first, second=second):
            return first.pdf(z) * (first.logpdf(z) - second.logpdf(z))

        expected[index] = integrate.quad(integrand, *first.interval(1 - 1e-12))[0]
    found = numpy_of(kl_divergence(q, p))
    np.testing.assert_allclose(found, expected.sum(axis=(1, 2, 3)), rtol=1e-4)
