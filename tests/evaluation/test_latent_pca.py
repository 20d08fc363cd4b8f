import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import latent_pca


class Encoder:
    """A model whose posterior means are given."""

    def __init__(self, *levels):
        self.levels = levels

    def encode(self, x):
        return [level[: len(x)] for level in self.levels]


RANDOM = np.random.default_rng(0)
X = np.zeros((400, 3))
MIXING = RANDOM.normal(size=(5, 5))
LATENTS = RANDOM.normal(size=(400, 5)) * [3.0, 2.0, 1.0, 0.5, 0.1] @ MIXING + 7.0


def test_components_are_eigenvectors_of_the_covariance():
    (level,) = latent_pca(Encoder(LATENTS.astype("float32")), X, num_components=3)
    values, vectors = np.linalg.eigh(np.cov(LATENTS.T))
    order = np.argsort(values)[::-1]
    np.testing.assert_allclose(level.explained, values[order][:3] / values.sum(), rtol=1e-4)
    for component, vector in zip(level.components, vectors[:, order].T, strict=False):
        assert abs(component @ vector) == pytest.approx(1.0, abs=1e-5)
        assert component[np.abs(component).argmax()] > 0
    np.testing.assert_allclose(level.center, LATENTS.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(level.scores.var(axis=0, ddof=1), values[order][:3], rtol=1e-4)
    back = level.scores @ level.components + level.center
    residual = np.square(LATENTS - back).sum() / (len(X) - 1)
    assert residual == pytest.approx(values[order][3:].sum(), rel=1e-3)


def test_each_level_has_its_own_and_at_most_its_units():
    spatial = RANDOM.normal(size=(400, 2, 3)).astype("float32")
    levels = latent_pca(Encoder(spatial, LATENTS[:, :1]), X, num_components=2)
    assert [level.scores.shape for level in levels] == [(400, 2), (400, 1)]
    assert [level.components.shape for level in levels] == [(2, 6), (1, 1)]
    assert levels[1].explained.tolist() == [1.0]


def test_a_level_that_does_not_vary_explains_nothing():
    (level,) = latent_pca(Encoder(np.ones((400, 2), "float32")), X)
    assert not level.explained.any()
    assert not level.scores.any()


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="num_components"):
        latent_pca(Encoder(LATENTS), X, num_components=0)
    with pytest.raises(DataError, match="n >= 2"):
        latent_pca(Encoder(LATENTS), X[:1])
