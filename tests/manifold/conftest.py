import contextlib
import types

import numpy as np
import pytest


class CircleModel:
    """Stands in for a model: the prior is a unit circle, decoding is linear, encoding inverts it.

    Outputs are images of shape (2, 2, 1); the map from the latent plane has orthonormal columns,
    so distances and second differences are known.
    """

    event_shape = (2, 2, 1)
    prior_dim = 2
    basis = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0]]) / 2.0

    def __init__(self, flat=False):
        self.is_flat = flat
        self.encode_calls = 0
        self.prior = types.SimpleNamespace(is_exact=True)

    def generator_kept(self):
        return contextlib.nullcontext()

    def sample_prior(self, n, seed=None):
        angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)

    def prior_log_prob(self, latent, seed=None):
        """Flat in a ring around the circle, next to nothing elsewhere."""
        radius = np.linalg.norm(latent, axis=1)
        return np.where(np.abs(radius - 1.0) < 0.2, 0.0, -50.0)

    def encode(self, x):
        self.encode_calls += 1
        z = (np.asarray(x).reshape(len(x), 4) @ self.basis.T).astype(np.float32)
        if self.is_flat:
            return [z[:, :1], z[:, 1:]]
        return [np.full((len(z), 5), np.nan, np.float32), z]

    def governed_latent(self, latents):
        return np.concatenate(latents, axis=1) if self.is_flat else latents[-1]

    def generate(self, z):
        return (np.asarray(z) @ self.basis).reshape(len(z), *self.event_shape)

    def at(self, *angles):
        return self.generate(np.stack([np.cos(angles), np.sin(angles)], axis=1))


@pytest.fixture(params=[False, True], ids=["stacked", "flat"])
def circle_model(request):
    return CircleModel(request.param)
