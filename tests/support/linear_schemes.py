"""Linear Gaussian models of every scheme, with closed forms by linear algebra.

Variables are rows s = (x, z_1, ..., z_L) with s = s A + b + noise, so that a model or a posterior
is known from its matrices, whatever the order in which its variables are drawn.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from scipy import stats

import hiervae
from hiervae.networks import KerasLayers
from tests.support.fixed_prior import FixedPrior
from tests.support.models import Array, set_normal_head

EVENT_SIZE = 3
VARIANCE = 0.5
Maps = dict[int, dict[int, Array]]
"""For a variable, by its number: the matrices of the variables it depends on, by theirs."""


class LinearScheme:
    """A model with random affine maps, and posteriors not far from the true ones.

    Variable 0 is x, variable l is z_l. The prior is a normal that is not the standard one.
    """

    def __init__(self, inference: str, dims: tuple[int, ...], **options: Any) -> None:
        self.rng = np.random.default_rng(len(dims))
        self.inference, self.dims = inference, dims
        self.edges = np.cumsum([0, EVENT_SIZE, *dims])
        flat = inference == "vlae"
        prior_dim = sum(dims) if flat else dims[-1]
        self.prior_mean = self.rng.normal(size=prior_dim)
        self.prior_variance = self.rng.uniform(0.3, 2.0, size=prior_dim)
        self.model = hiervae.HierarchicalVAE(
            dims,
            inference={"name": inference, **options},
            prior=FixedPrior(self.prior_mean.tolist(), self.prior_variance.tolist()),
            likelihood={"name": "gaussian", "variance": VARIANCE},
            network=joining(inference, len(dims)),
            seed=0,
        )
        self.model.build((None, EVENT_SIZE))
        self.scheme = self.model.inference
        self.x = np.random.default_rng(9).normal(scale=1.5, size=(4, EVENT_SIZE)).astype("float32")
        self.maps: Maps = {}
        self.bias: dict[int, Array] = {}
        self.variance: dict[int, Array] = {0: np.full(EVENT_SIZE, VARIANCE)}
        (self._flat_model if flat else self._stacked_model)()
        self.q_maps: Maps = {}
        self.q_bias: dict[int, Array] = {}
        self.q_variance: dict[int, Array] = {}
        self._posteriors()

    def block(self, variable: int) -> slice:
        return slice(self.edges[variable], self.edges[variable + 1])

    def size(self, variable: int) -> int:
        return int(self.edges[variable + 1] - self.edges[variable])

    def _affine(self, rows: int, columns: int, scale: float) -> tuple[Array, Array]:
        return (
            self.rng.normal(scale=scale, size=(rows, columns)),
            self.rng.normal(scale=0.3, size=columns),
        )

    def _stacked_model(self) -> None:
        levels = len(self.dims)
        for child in range(levels):
            above = range(child + 1, levels + 1)
            parents = list(above) if self.inference == "top_down" else [child + 1]
            rows = sum(self.size(parent) for parent in parents)
            matrix, bias = self._affine(rows, self.size(child), 0.6)
            cuts = np.cumsum([self.size(parent) for parent in parents])[:-1]
            self.maps[child] = dict(zip(parents, np.split(matrix, cuts), strict=True))
            self.bias[child] = bias
            if child == 0:
                self.model.likelihood.location.set_weights([matrix, bias])
            else:
                self.variance[child] = self.rng.uniform(0.3, 0.7, size=self.size(child))
                head = self.scheme.prior_heads[child - 1]
                set_normal_head(head, matrix, bias, self.variance[child])
        self.maps[levels] = {}
        self.bias[levels], self.variance[levels] = self.prior_mean, self.prior_variance

    def _flat_model(self) -> None:
        """Follow the decoder with the features as affine functions of all latents."""
        levels, total = len(self.dims), sum(self.dims)
        columns = np.split(np.eye(total), np.cumsum(self.dims)[:-1], axis=1)
        features, shift = columns[-1], np.zeros(self.dims[-1])
        for index in reversed(range(levels - 1)):
            layer = self.scheme.level_inputs[index]
            matrix, bias = self._affine(self.dims[index], features.shape[1], 0.6)
            layer.dense.set_weights([matrix, bias])
            own = columns[index] @ matrix
            if self.scheme.combine == "gated":
                gate = self.rng.normal(size=features.shape[1])
                layer.gate.assign(gate)
                features, shift = features + own * gate, shift + bias * gate
            else:
                features = np.concatenate([features, own], axis=1)
                shift = np.concatenate([shift, bias])
        matrix, bias = self._affine(features.shape[1], EVENT_SIZE, 0.6)
        self.model.likelihood.location.set_weights([matrix, bias])
        parts = np.split(features @ matrix, np.cumsum(self.dims)[:-1])
        self.maps[0] = dict(enumerate(parts, start=1))
        self.bias[0] = shift @ matrix + bias
        for level, (mean, variance) in enumerate(self._split_prior(), start=1):
            self.maps[level], self.bias[level], self.variance[level] = {}, mean, variance

    def _split_prior(self) -> Any:
        cuts = np.cumsum(self.dims)[:-1]
        return zip(
            np.split(self.prior_mean, cuts), np.split(self.prior_variance, cuts), strict=True
        )

    def _posteriors(self) -> None:
        """Give each head a map near the regression of its latent on what it sees."""
        levels = len(self.dims)
        for level in range(1, levels + 1):
            given = [0]
            if self.inference == "top_down":
                given += range(level + 1, levels + 1)
            matrix, bias, variance = self._regression(level, given)
            set_normal_head(self.scheme.posterior_heads[level - 1], matrix, bias, variance)
            cuts = np.cumsum([self.size(parent) for parent in given])[:-1]
            maps = dict(zip(given, np.split(matrix, cuts), strict=True))
            if self.inference == "ladder" and level < levels:
                prior = self.variance[level]
                merged = 1.0 / (1.0 / variance + 1.0 / prior)
                maps = {0: maps[0] * (merged / variance)}
                maps[level + 1] = self.maps[level][level + 1] * (merged / prior)
                bias = bias * (merged / variance) + self.bias[level] * (merged / prior)
                variance = merged
            self.q_maps[level], self.q_bias[level], self.q_variance[level] = maps, bias, variance

    def _regression(self, wanted: int, given: list[int]) -> tuple[Array, Array, Array]:
        mean, covariance = self.joint()
        rows = np.concatenate([np.arange(len(mean))[self.block(parent)] for parent in given])
        columns = self.block(wanted)
        matrix = np.linalg.solve(covariance[np.ix_(rows, rows)], covariance[rows, columns])
        remaining = covariance[columns, columns] - covariance[rows, columns].T @ matrix
        matrix = 0.9 * matrix
        return matrix, mean[columns] - mean[rows] @ matrix, 1.3 * np.diag(remaining)

    def joint(self) -> tuple[Array, Array]:
        """Mean and covariance of (x, z_1, ..., z_L) under the generative model."""
        size = self.edges[-1]
        matrix, bias, variance = np.zeros((size, size)), np.zeros(size), np.zeros(size)
        for child, parents in self.maps.items():
            bias[self.block(child)] = self.bias[child]
            variance[self.block(child)] = self.variance[child]
            for parent, entries in parents.items():
                matrix[self.block(parent), self.block(child)] = entries
        solution = np.linalg.inv(np.eye(size) - matrix)
        return bias @ solution, solution.T @ np.diag(variance) @ solution

    def posterior(self) -> tuple[Array, Array]:
        """Means (n, sum of d_l) and covariance of q(z_1, ..., z_L | x)."""
        size = self.edges[-1]
        matrix, variance = np.zeros((size, size)), np.zeros(size)
        bias = np.zeros((len(self.x), size))
        for child, parents in self.q_maps.items():
            bias[:, self.block(child)] = self.q_bias[child] + self.x @ parents[0]
            variance[self.block(child)] = self.q_variance[child]
            for parent, entries in parents.items():
                if parent:
                    matrix[self.block(parent), self.block(child)] = entries
        solution = np.linalg.inv(np.eye(size) - matrix)
        covariance = solution.T @ np.diag(variance) @ solution
        return (bias @ solution)[:, EVENT_SIZE:], covariance[EVENT_SIZE:, EVENT_SIZE:]

    def log_likelihood(self) -> Array:
        """log p(x) of the examples."""
        mean, covariance = self.joint()
        marginal = mean[:EVENT_SIZE], covariance[:EVENT_SIZE, :EVENT_SIZE]
        return stats.multivariate_normal(*marginal).logpdf(self.x)

    def elbo(self) -> Array:
        """E_q log p(x, z) plus the entropy of q, both of quadratic forms."""
        mean, covariance = self.joint()
        centre, spread = self.posterior()
        expected = stats.multivariate_normal(mean, covariance).logpdf(np.hstack([self.x, centre]))
        precision = np.linalg.inv(covariance)[EVENT_SIZE:, EVENT_SIZE:]
        return (
            expected
            - 0.5 * np.trace(precision @ spread)
            + stats.multivariate_normal(cov=spread).entropy()
        )


def joining(inference: str, levels: int) -> KerasLayers:
    """Blocks that only join what they are given."""

    def block(inputs: int) -> keras.layers.Layer:
        return keras.layers.Concatenate() if inputs > 1 else keras.layers.Identity()

    if inference == "top_down":
        encoder = [block(1 + levels - level) for level in range(1, levels + 1)]
        decoder = [block(levels - level) for level in range(levels)]
    else:
        encoder = [block(1) for _ in range(levels)]
        decoder = [block(1) for _ in range(levels + (inference == "vlae"))]
    return KerasLayers(encoder=encoder, decoder=decoder)
