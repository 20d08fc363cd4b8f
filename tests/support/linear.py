"""Linear Gaussian models, whose ELBO and likelihood are known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

import hiervae
from tests.support import noise
from tests.support.models import Array, pass_through, set_normal_head

EVENT_SIZE = 3


class LinearGaussian:
    """A model of one or two levels with affine maps and fixed variances, and its closed forms.

    z_L ~ N(0, I), z_1 | z_2 ~ N(z_2 B + b, t), x | z_1 ~ N(z_1 A + a, v);
    q(z_1 | x) = N(x C_1 + c_1, s_1), q(z_2 | z_1) = N(z_1 C_2 + c_2, s_2).
    """

    def __init__(self, latent_dims: tuple[int, ...], exact: bool = False, **options: Any) -> None:
        rng = np.random.default_rng(sum(latent_dims))
        sizes = (EVENT_SIZE, *latent_dims)
        self.dims, self.variance = latent_dims, 0.5
        self.down = [rng.normal(scale=0.6, size=pair) for pair in zip(sizes[1:], sizes)]
        self.down_bias = [rng.normal(scale=0.3, size=size) for size in sizes[:-1]]
        self.down_variance = [
            np.full(EVENT_SIZE, self.variance),
            *(rng.uniform(0.3, 0.7, size=size) for size in latent_dims[:-1]),
        ]
        if exact:
            columns, _ = np.linalg.qr(self.down[0].T)
            self.down[0] = (columns * [1.5, 0.7]).T  # makes the posterior of z_1 diagonal
        self.up, self.up_bias, self.up_variance = [], [], []
        edges = np.cumsum([0, *sizes])
        for level in range(len(latent_dims)):
            below = slice(edges[level], edges[level + 1])
            matrix, bias, covariance = self._regression(below, edges[level + 1 : level + 3])
            if not exact:
                matrix, covariance = 0.85 * matrix, 1.4 * covariance
            self.up.append(matrix)
            self.up_bias.append(bias)
            self.up_variance.append(np.diag(covariance))
        self.model = hiervae.HierarchicalVAE(
            latent_dims,
            likelihood={"name": "gaussian", "variance": self.variance},
            network=pass_through(len(latent_dims)),
            seed=0,
            **options,
        )
        self.model.build((None, EVENT_SIZE))
        scheme = self.model.inference
        for head, *values in zip(
            scheme.posterior_heads, self.up, self.up_bias, self.up_variance, strict=True
        ):
            set_normal_head(head, *values)
        for head, *values in zip(
            scheme.prior_heads,
            self.down[1:],
            self.down_bias[1:],
            self.down_variance[1:],
            strict=True,
        ):
            set_normal_head(head, *values)
        self.model.likelihood.location.set_weights([self.down[0], self.down_bias[0]])
        self.x = np.random.default_rng(9).normal(scale=1.5, size=(4, EVENT_SIZE)).astype("float32")

    def _regression(self, given: slice, edges: Array) -> tuple[Array, Array, Array]:
        """p(z | given) of a block of the joint: z = given @ matrix + bias, with a covariance."""
        mean, covariance = self.joint()
        wanted = slice(*edges)
        matrix = np.linalg.solve(covariance[given, given], covariance[given, wanted])
        remaining = covariance[wanted, wanted] - covariance[wanted, given] @ matrix
        return matrix, mean[wanted] - mean[given] @ matrix, remaining

    def joint(self) -> tuple[Array, Array]:
        """Mean and covariance of (x, z_1, ..., z_L) under the generative model."""
        size = self.dims[-1]
        mean, covariance = np.zeros(size), np.eye(size)
        for matrix, bias, variance in reversed(
            list(zip(self.down, self.down_bias, self.down_variance, strict=True))
        ):
            wide = np.zeros((len(mean), len(bias)))
            wide[: len(matrix)] = matrix
            below = mean @ wide + bias
            cross = covariance @ wide
            corner = wide.T @ cross + np.diag(variance)
            mean = np.concatenate([below, mean])
            covariance = np.block([[corner, cross.T], [cross, covariance]])
        return mean, covariance

    def log_likelihood(self) -> Array:
        """log p(x) of the examples."""
        mean, covariance = self.joint()
        marginal = mean[:EVENT_SIZE], covariance[:EVENT_SIZE, :EVENT_SIZE]
        return stats.multivariate_normal(*marginal).logpdf(self.x)

    def elbo(self) -> Array:
        """E_q log p(x, z) plus the entropy of q, both of quadratic forms."""
        mean, covariance = self.joint()
        latent_covariance = np.zeros((0, 0))
        centre = np.asarray(self.x, dtype="float64")
        joined = centre
        for matrix, bias, variance in zip(self.up, self.up_bias, self.up_variance, strict=True):
            wide = np.zeros((len(latent_covariance), len(bias)))
            if len(wide):
                wide[-len(matrix) :] = matrix
            cross = latent_covariance @ wide
            corner = wide.T @ cross + np.diag(variance)
            latent_covariance = np.block([[latent_covariance, cross], [cross.T, corner]])
            centre = centre @ matrix + bias
            joined = np.concatenate([joined, centre], axis=-1)
        precision = np.linalg.inv(covariance)[EVENT_SIZE:, EVENT_SIZE:]
        expected = stats.multivariate_normal(mean, covariance).logpdf(joined)
        expected = expected - 0.5 * np.trace(precision @ latent_covariance)
        entropy = stats.multivariate_normal(cov=latent_covariance).entropy()
        return expected + entropy

    def terms(self, num_samples: int, closed_form: bool) -> dict[str, Array]:
        """The terms of the objective at the injected noise, each (num_samples, batch)."""
        below = np.tile(self.x, (num_samples, 1)).astype("float64")
        posteriors, latents = [], []
        for matrix, bias, variance in zip(self.up, self.up_bias, self.up_variance, strict=True):
            posterior = stats.norm(below @ matrix + bias, np.sqrt(variance))
            below = posterior.mean() + posterior.std() * noise.array(
                "normal", *posterior.mean().shape
            )
            posteriors.append(posterior)
            latents.append(below)
        kl = {}
        for level, (posterior, latent) in enumerate(zip(posteriors, latents, strict=True), start=1):
            if level < len(latents):
                mean = latents[level] @ self.down[level] + self.down_bias[level]
                prior = stats.norm(mean, np.sqrt(self.down_variance[level]))
            else:
                prior = stats.norm(np.zeros_like(latent), 1.0)
            difference = posterior.logpdf(latent) - prior.logpdf(latent)
            if closed_form and level == len(latents):
                variance = posterior.var()
                difference = 0.5 * (variance + posterior.mean() ** 2 - 1.0 - np.log(variance))
            kl[f"kl_{level}"] = difference.sum(axis=-1)
        x = np.tile(self.x, (num_samples, 1))
        mean = latents[0] @ self.down[0] + self.down_bias[0]
        log_likelihood = stats.norm(mean, np.sqrt(self.variance)).logpdf(x).sum(axis=-1)
        error = np.square(x - mean).sum(axis=-1) / (2.0 * self.variance)
        terms = {"log_likelihood": log_likelihood, "error": error, **kl}
        return {name: value.reshape(num_samples, -1) for name, value in terms.items()}
