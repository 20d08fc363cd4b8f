from types import SimpleNamespace

import keras
import numpy as np
import pytest

from hiervae.distributions import DiagonalNormal
from hiervae.inference.base import InferenceScheme
from hiervae.inference.passes import InferencePass, Level


class StackedScheme:
    """What the base class says of a structure, without a Keras layer."""

    structure = "stacked"
    governed = InferenceScheme.governed
    kl_names = InferenceScheme.kl_names
    split_normal = InferenceScheme.split_normal


class FlatScheme(StackedScheme):
    structure = "flat"


class NumpyNormalPrior:
    """N(mean, covariance); as a diagonal normal only where it is told to say so."""

    def __init__(self, mean, covariance, known=True, is_exact=True):
        self.mean, self.covariance = np.asarray(mean, float), np.asarray(covariance, float)
        self.known, self.is_exact = known, is_exact

    def distribution(self):
        if not self.known:
            return None
        tensors = (self.mean[None], np.log(np.diag(self.covariance))[None])
        return DiagonalNormal(*(keras.ops.convert_to_tensor(t, "float32") for t in tensors))


class LinearModel:
    """Linear Gaussian stand-in for a model, with everything in closed form.

    Bottom-up: q(z_1 | x) = N(A_1 x, v_1), q(z_2 | z_1) = N(A_2 z_1, v_2), p(z_1 | z_2) =
    N(B z_2, s), p(x | z_1) = N(W z_1, noise). Flat or top-down with two levels: q(z_2 | x) =
    N(A_2 x, v_2).
    """

    def __init__(
        self,
        encoders,
        variances,
        prior,
        decoder,
        noise=0.5,
        down=None,
        flat=False,
        top_down=False,
    ):
        self.encoders = [np.asarray(a, float) for a in encoders]
        self.variances = [np.asarray(v, float) for v in variances]
        self.prior, self.decoder, self.noise = prior, np.asarray(decoder, float), noise
        self.down = down
        self.top_down = top_down
        self.latent_dims = tuple(len(a) for a in self.encoders)
        self.inference = FlatScheme() if flat else StackedScheme()
        self.inference.context = SimpleNamespace(
            latent_shapes=tuple((dim,) for dim in self.latent_dims)
        )
        self.passes = 0
        self.generator = np.random.default_rng()
        self.likelihood = self

    def examples(self, name, x, require_support=True):
        return x

    def compiled_function(self, key, function, compiler):
        return lambda arrays: function(*arrays)

    def posterior(self, x, seed=None):
        self.passes += 1
        if seed is not None:
            self.generator = np.random.default_rng(seed)
        parent, levels = np.asarray(x, float), []
        for encoder, variance in zip(self.encoders, self.variances, strict=True):
            mean = parent @ encoder.T
            log_variance = np.broadcast_to(np.log(variance), mean.shape)
            draw = mean + np.sqrt(variance) * self.generator.normal(size=mean.shape)
            levels.append(Level(draw, DiagonalNormal(mean, log_variance)))
            if len(self.inference.governed(self.encoders)) == 1 and not self.top_down:
                parent = draw
        if self.down is not None:
            matrix, variance = self.down
            above = levels[1].latent @ np.asarray(matrix, float).T
            prior = DiagonalNormal(above, np.broadcast_to(np.log(variance), above.shape))
            levels[0] = Level(levels[0].latent, levels[0].posterior, prior, self.top_down)
        return InferencePass(tuple(levels), levels[0].latent @ self.decoder.T)

    def governed_latent(self, latents):
        return np.concatenate(self.inference.governed(latents), axis=1)

    def prior_log_prob(self, latent, seed=None):
        difference = latent - self.prior.mean
        precision = np.linalg.inv(self.prior.covariance)
        squared = np.einsum("ni,ij,nj->n", difference, precision, difference)
        _, log_det = np.linalg.slogdet(2 * np.pi * self.prior.covariance)
        return -0.5 * (squared + log_det)

    def __call__(self, features):
        return features

    def log_prob(self, value, parameters):
        value, mean = keras.ops.convert_to_numpy(value), keras.ops.convert_to_numpy(parameters)
        squared = np.square(value - mean).sum(axis=1) / self.noise
        return -0.5 * (squared + value.shape[1] * np.log(2 * np.pi * self.noise))


@pytest.fixture
def linear_model():
    return LinearModel


@pytest.fixture
def normal_prior():
    return NumpyNormalPrior
