"""Encoding, decoding and sampling with a built model; everything in and out is NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from hiervae.backend import compile_function
from hiervae.batching import Array, map_batches
from hiervae.distributions import DiagonalNormal
from hiervae.errors import DataError, NonFiniteLossError
from hiervae.examples import as_array, check_array
from hiervae.options import check_positive_int
from hiervae.types import InferencePass, Level


class FunctionCache:
    """Compiled functions of one model by name and static arguments."""

    def __init__(self) -> None:
        self._functions: dict[tuple[Any, ...], Callable[..., Any]] = {}

    def get(
        self, model: Any, key: tuple[Any, ...], function: Callable[..., Any]
    ) -> Callable[..., Any]:
        """The compiled function under `key`, compiled on first use."""
        if key not in self._functions:
            self._functions[key] = compile_function(model, function)
        return self._functions[key]


class InspectionMethods:
    """What a trained model is looked at with.

    Draws come from a generator of their own, so that looking never changes the course of training;
    a `seed` restarts it.
    """

    def compiled_function(
        self: Any, key: tuple[Any, ...], function: Callable[..., Any]
    ) -> Callable[..., Any]:
        """`function` compiled once for `key`."""
        return self._functions.get(self, key, function)

    def reset_generator(self: Any, seed: int | None) -> None:
        """Restart the generator of evaluation draws; None lets it go on."""
        if seed is not None:
            state = self.evaluation_generator.state
            state.assign(np.array([int(seed) % 2**31, 0], dtype=state.dtype))

    def check_examples(self: Any, name: str, x: Any, in_range: bool = True) -> Array:
        """`x` as a float32 array of examples, building the model for its shape if need be.

        Raises:
            DataError: if it is no array of examples the model can take.
        """
        array = as_array(x)
        if array is None:
            raise DataError(
                f"{name} is a {type(x).__name__}; expected an array of shape (n, *event_shape)."
            )
        check_array(name, array, self.event_shape)
        if in_range:
            self.likelihood.check_values(array)
        if not self.built:
            self.build((None, *array.shape[1:]))
        return array.astype("float32", copy=False)

    @staticmethod
    def check_scores(name: str, scores: Array) -> Array:
        """`scores` if all are finite.

        Raises:
            NonFiniteLossError: if one is not.
        """
        bad = np.flatnonzero(~np.isfinite(scores))
        if bad.size:
            raise NonFiniteLossError(
                f"{name} is {scores[bad[0]]} for example {bad[0]} ({bad.size} such examples); "
                "expected finite numbers. The weights may have diverged in training: restore an "
                "earlier checkpoint."
            )
        return scores

    def posterior(
        self: Any, x: Any, seed: int | None = None, sample: bool = True, batch_size: int = 256
    ) -> InferencePass:
        """The posteriors of examples (n, *event_shape) as an `InferencePass` of NumPy arrays."""
        values = self.check_examples("x", x, in_range=False)
        self.reset_generator(seed)
        governed = self.num_levels - 1 if self.inference.structure == "stacked" else 0

        def function(inputs: Any) -> list[Any]:
            outcome = self.inference.infer(inputs, sample=sample, seed=self.evaluation_generator)
            arrays = [outcome.features]
            for level in outcome.levels:
                arrays += [level.latent, level.posterior.mean, level.posterior.log_variance]
            for level in outcome.levels[:governed]:
                assigned: Any = level.conditional_prior
                arrays += [assigned.mean, assigned.log_variance]
            return arrays

        compiled = self.compiled_function(("posterior", sample), function)
        features, *arrays = map_batches(compiled, [values], batch_size)
        split = 3 * self.num_levels
        latents, priors = arrays[:split], arrays[split:]
        levels = []
        for index in range(self.num_levels):
            latent, mean, log_variance = latents[3 * index : 3 * index + 3]
            prior = None
            if index < governed:
                prior = DiagonalNormal(*priors[2 * index : 2 * index + 2])
            levels.append(Level(latent, DiagonalNormal(mean, log_variance), prior))
        return InferencePass(tuple(levels), features)

    def encode(
        self: Any, x: Any, sample: bool = False, seed: int | None = None, batch_size: int = 256
    ) -> list[Array]:
        """Latents of examples (n, *event_shape): a list of (n, d_l), nearest the data first.

        Args:
            x: examples.
            sample: draw from the posteriors; False takes their means, level by level.
            seed: of the draws.
            batch_size: examples a pass.

        Raises:
            DataError: if the examples are empty, not finite or of the wrong shape.
        """
        outcome = self.posterior(x, seed, sample, batch_size)
        return [level.latent for level in outcome.levels]

    def decode(self: Any, latents: Any, batch_size: int = 256) -> Array:
        """Reconstruction means (n, *event_shape) of latents z_1 ... z_L, each (n, d_l).

        Args:
            latents: a list with one array a level, nearest the data first, or the array itself
                where there is one level.
            batch_size: rows a pass.

        Raises:
            DataError: if the arrays do not fit the model.
        """
        arrays = list(latents) if isinstance(latents, (list, tuple)) else [latents]
        if len(arrays) != self.num_levels:
            raise DataError(
                f"Received {len(arrays)} arrays of latents; the model has {self.num_levels} levels "
                f"of sizes {self.latent_dims}. Give one array (n, d) a level, nearest the data "
                "first."
            )
        arrays = [
            self._check_latent(f"latents[{index}]", array, size)
            for index, (array, size) in enumerate(zip(arrays, self.latent_dims, strict=True))
        ]

        def function(*levels: Any) -> list[Any]:
            return [self.likelihood.mean(self.likelihood(self.inference.decode(levels)))]

        return map_batches(self.compiled_function(("decode",), function), arrays, batch_size)[0]

    def sample(
        self: Any, num_samples: int, seed: int | None = None, batch_size: int = 256
    ) -> Array:
        """New data drawn from the model, shape (num_samples, *event_shape)."""
        latent = self.sample_prior(num_samples, seed, batch_size)

        def function(latent: Any) -> list[Any]:
            generator = self.evaluation_generator
            features = self.inference.generate(latent, seed=generator).features
            return [self.likelihood.sample(self.likelihood(features), seed=generator)]

        return map_batches(self.compiled_function(("sample",), function), [latent], batch_size)[0]

    def sample_prior(
        self: Any, num_samples: int, seed: int | None = None, batch_size: int = 256
    ) -> Array:
        """Draws of the latent that the prior governs, shape (num_samples, prior_dim)."""
        check_positive_int("num_samples", num_samples)
        self._require_built("sample")
        self.reset_generator(seed)
        batch_size = min(batch_size, num_samples)

        def function() -> Any:
            generator = self.evaluation_generator
            return self.prior.sample(batch_size, self._components(generator), seed=generator)

        compiled = self.compiled_function(("sample_prior", batch_size), function)
        draws = [ops.convert_to_numpy(compiled()) for _ in range(-(-num_samples // batch_size))]
        return np.concatenate(draws)[:num_samples]

    def generate(
        self: Any, latent: Any, sample: bool = False, seed: int | None = None, batch_size: int = 256
    ) -> Array:
        """Reconstruction means (n, *event_shape) from the latent that the prior governs.

        Args:
            latent: shape (n, prior_dim).
            sample: draw the levels below; False takes the means of their conditional priors.
            seed: of the draws.
            batch_size: rows a pass.

        Raises:
            DataError: if the array does not fit the model.
        """
        array = self._check_latent("latent", latent, self.prior_dim)
        self.reset_generator(seed)

        def function(latent: Any) -> list[Any]:
            generator = self.evaluation_generator
            features = self.inference.generate(latent, sample=sample, seed=generator).features
            return [self.likelihood.mean(self.likelihood(features))]

        return map_batches(
            self.compiled_function(("generate", sample), function), [array], batch_size
        )[0]

    def prior_log_prob(
        self: Any, latent: Any, seed: int | None = None, batch_size: int = 256
    ) -> Array:
        """Log-density under the prior, or its estimate, of (n, prior_dim): shape (n,), nats."""
        array = self._check_latent("latent", latent, self.prior_dim)
        self.reset_generator(seed)

        def function(latent: Any) -> list[Any]:
            generator = self.evaluation_generator
            components = self._components(generator)
            return [self.prior.log_prob(latent, components, seed=generator)]

        return map_batches(
            self.compiled_function(("prior_log_prob",), function), [array], batch_size
        )[0]

    def governed_latent(self: Any, latents: list[Array]) -> Array:
        """Of latents z_1 ... z_L, the one the prior governs: z_L, or all of a flat structure."""
        if self.inference.structure == "flat":
            return np.concatenate(latents, axis=-1)
        return latents[-1]

    def _components(self: Any, seed: Any) -> DiagonalNormal | None:
        pseudo_inputs = self.prior.pseudo_inputs
        if pseudo_inputs is None:
            return None
        return self.inference.encode_components(pseudo_inputs, seed=seed)

    def _require_built(self: Any, what: str) -> None:
        if not self.built:
            raise ValueError(
                f"{what} was called on a model that is not built yet; expected one that has seen "
                "data. Call `fit` first, or `model.build((None, *event_shape))`."
            )

    def _check_latent(self: Any, name: str, latent: Any, size: int) -> Array:
        self._require_built("decode")
        array = as_array(latent)
        if array is None or array.ndim != 2 or array.shape[1] != size or not len(array):
            shape = None if array is None else array.shape
            raise DataError(f"{name} has the shape {shape}; expected (n, {size}) with n >= 1.")
        check_array(name, array, None)
        return array.astype("float32", copy=False)
