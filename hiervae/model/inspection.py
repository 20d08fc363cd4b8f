"""Encoding, decoding and sampling with a built model; everything in and out is NumPy."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from hiervae.backend import compile_rows
from hiervae.distributions import DiagonalNormal
from hiervae.errors import DataError
from hiervae.inference.passes import InferencePass, Level
from hiervae.likelihoods.base import draws_in_steps
from hiervae.model.core import ModelCore
from hiervae.model.finite import require_finite, require_numbers
from hiervae.model.inputs import checked_latent, checked_latents
from hiervae.utils.batching import Array, batches, map_batches
from hiervae.utils.validation import check_positive_int


class InspectionMethods(ModelCore):
    """What a trained model is looked at with.

    Draws come from a generator of their own, so that looking never changes the course of training;
    a `seed` restarts it.
    """

    def posterior(
        self, x: Any, seed: int | None = None, sample: bool = True, batch_size: int = 256
    ) -> InferencePass:
        """The posteriors of examples (n, *event_shape) as an `InferencePass` of NumPy arrays.

        Raises:
            DataError: if the examples are empty, not finite or of the wrong shape.
            NonFiniteLossError: if a posterior comes out NaN or infinite.
        """
        values = self.check_examples("x", x, require_support=False)
        self.reset_generator(seed, "posterior")
        conditioned = self.num_levels - len(self.inference.governed(self.latent_shapes))

        def function(inputs: Any) -> list[Any]:
            outcome = self.inference.infer(inputs, sample=sample, seed=self.evaluation_generator)
            arrays = [outcome.features]
            for level in outcome.levels:
                arrays += [level.latent, level.posterior.mean, level.posterior.log_variance]
            for level in outcome.levels[:conditioned]:
                assigned: Any = level.conditional_prior
                # What devices join has rows, so the flag is given for each of them.
                flags = ops.full(ops.shape(level.latent)[:1], level.top_down, dtype="int32")
                arrays += [assigned.mean, assigned.log_variance, flags]
            if any(level.log_density is not None for level in outcome.levels):
                arrays += [level.log_posterior() for level in outcome.levels]
            return arrays

        compiled = self.compiled_function(("posterior", sample), function, compile_rows)
        features, *arrays = map_batches(compiled, [values], batch_size)
        for output in (features, *arrays):
            require_finite("The posterior of an example", output)
        split = 3 * self.num_levels
        latents, priors = arrays[:split], arrays[split : split + 3 * conditioned]
        log_densities: list[Any] = arrays[split + 3 * conditioned :] or [None] * self.num_levels
        levels = []
        for index in range(self.num_levels):
            latent, mean, log_variance = latents[3 * index : 3 * index + 3]
            normal = partial(DiagonalNormal, event_rank=len(self.latent_shapes[index]))
            prior, top_down = None, False
            if index < conditioned:
                prior_mean, prior_log_variance, flags = priors[3 * index : 3 * index + 3]
                prior, top_down = normal(prior_mean, prior_log_variance), bool(flags[0])
            levels.append(
                Level(latent, normal(mean, log_variance), prior, top_down, log_densities[index])
            )
        return InferencePass(tuple(levels), features)

    def encode(
        self, x: Any, sample: bool = False, seed: int | None = None, batch_size: int = 256
    ) -> list[Array]:
        """Latents of examples (n, *event_shape): a list of (n, *latent_shape), nearest first.

        Args:
            x: examples.
            sample: draw from the posteriors; False takes their means, level by level.
            seed: of the draws.
            batch_size: examples per pass.

        Raises:
            DataError: if the examples are empty, not finite or of the wrong shape.
            NonFiniteLossError: if a posterior comes out NaN or infinite.
        """
        outcome = self.posterior(x, seed, sample, batch_size)
        return [np.asarray(level.latent) for level in outcome.levels]

    def decode(self, latents: Any, batch_size: int = 256) -> Array:
        """Reconstruction means (n, *event_shape) of latents z_1 ... z_L, each (n, *latent_shape).

        Args:
            latents: a list with one array per level, nearest the data first, or the array itself
                where there is one level.
            batch_size: rows per pass.

        Raises:
            DataError: if the arrays do not fit the model.
            NonFiniteLossError: if a mean comes out NaN or infinite.
        """
        arrays = list(latents) if isinstance(latents, (list, tuple)) else [latents]
        if len(arrays) != self.num_levels:
            raise DataError(
                f"Received {len(arrays)} arrays of latents; the model has {self.num_levels} levels "
                f"of shapes {self.latent_shapes}. Give one array (n, *latent_shape) per level, "
                "nearest the data first."
            )
        self.require_built("decode")
        arrays = checked_latents("latents", arrays, self.latent_shapes)

        def function(*levels: Any) -> list[Any]:
            return [self.likelihood.mean(self.likelihood(self.inference.decode(levels)))]

        compiled = self.compiled_function(("decode",), function, compile_rows)
        return self._finite_means(map_batches(compiled, arrays, batch_size))

    def sample(
        self,
        num_samples: int,
        seed: int | None = None,
        batch_size: int = 256,
        component: int | None = None,
        verbose: int = 0,
    ) -> Array:
        """New data drawn from the model, shape (num_samples, *event_shape).

        Args:
            num_samples: how many.
            seed: of the draws.
            batch_size: rows per pass.
            component: number k, from 0, of the one component of a mixture prior to draw from (of
                a VampPrior: the pseudo-input); None draws from the prior.
            verbose: 1 shows a progress bar where a draw takes several steps, as a PixelCNN's does.

        Raises:
            ValueError: if the model is not built, or the prior has no such component.
            NonFiniteLossError: if a weight is NaN, or a draw of the prior is NaN or infinite.
        """
        latent = self.sample_prior(num_samples, seed, batch_size, component)
        require_numbers(self.weights)
        in_steps = draws_in_steps(self.likelihood)

        def start(latent: Any) -> list[Any]:
            generator = self.evaluation_generator
            features = self.inference.generate(latent, seed=generator).features
            parameters = self.likelihood(features)
            if not in_steps:
                return [self.likelihood.sample(parameters, seed=generator)]
            return [*self.likelihood.start_sampling(parameters, seed=generator)]

        def advance(step: Any, *state: Any) -> list[Any]:
            return [*self.likelihood.sampling_step(state, step)]

        first = self.compiled_function(("start_sampling", in_steps), start)
        following = self.compiled_function(("sampling_step",), advance)
        num_steps = self.likelihood.num_sampling_steps if in_steps else 0
        draws = []
        progress = keras.utils.Progbar(
            num_steps * -(-num_samples // batch_size), verbose=verbose if num_steps > 1 else 0
        )
        for (rows,), count in batches([latent], batch_size):
            state = first(ops.convert_to_tensor(rows))
            for step in range(num_steps):
                state = following(ops.convert_to_tensor(step, dtype="int32"), *state)
                if verbose:
                    ops.convert_to_numpy(state[0])  # waits, or the bar would run ahead
                progress.add(1)
            draws.append(ops.convert_to_numpy(state[0])[:count])
        return np.concatenate(draws)

    def sample_prior(
        self,
        num_samples: int,
        seed: int | None = None,
        batch_size: int = 256,
        component: int | None = None,
    ) -> Array:
        """Draws of the latent that the prior governs, (num_samples, prior_dim); see `sample`."""
        check_positive_int("num_samples", num_samples)
        check_positive_int("batch_size", batch_size)
        self.require_built("sample")
        chosen = []
        if component is not None:
            chosen = [ops.convert_to_tensor(self.prior.check_component(component), dtype="int32")]
        self.reset_generator(seed, "prior")
        batch_size = min(batch_size, num_samples)

        def function(*chosen: Any) -> Any:
            generator = self.evaluation_generator
            components = self.encoded_components(generator)
            if chosen:
                (index,) = chosen
                return self.prior.sample_component(index, batch_size, components, seed=generator)
            return self.prior.sample(batch_size, components, seed=generator)

        compiled = self.compiled_function(("sample_prior", batch_size, bool(chosen)), function)
        rounds = range(-(-num_samples // batch_size))
        draws = [ops.convert_to_numpy(compiled(*chosen)) for _ in rounds]
        latent = np.concatenate(draws)[:num_samples]
        require_finite("A draw of the prior", latent)
        return latent

    def generate(
        self, latent: Any, sample: bool = False, seed: int | None = None, batch_size: int = 256
    ) -> Array:
        """Reconstruction means (n, *event_shape) from the latent that the prior governs.

        Args:
            latent: shape (n, prior_dim).
            sample: draw the levels below; False takes the means of their conditional priors.
            seed: of the draws.
            batch_size: rows per pass.

        Raises:
            DataError: if the array does not fit the model.
            NonFiniteLossError: if a mean comes out NaN or infinite.
        """
        self.require_built("generate")
        array = checked_latent("latent", latent, (self.prior_dim,))
        self.reset_generator(seed, "levels below")

        def function(latent: Any) -> list[Any]:
            generator = self.evaluation_generator
            features = self.inference.generate(latent, sample=sample, seed=generator).features
            return [self.likelihood.mean(self.likelihood(features))]

        compiled = self.compiled_function(("generate", sample), function, compile_rows)
        return self._finite_means(map_batches(compiled, [array], batch_size))

    def _finite_means(self, outputs: list[Array]) -> Array:
        (means,) = outputs
        require_finite("The mean of the likelihood", means)
        return means

    def prior_log_prob(self, latent: Any, seed: int | None = None, batch_size: int = 256) -> Array:
        """Log-density under the prior, or its estimate, of (n, prior_dim): shape (n,), nats."""
        self.require_built("prior_log_prob")
        array = checked_latent("latent", latent, (self.prior_dim,))
        self.reset_generator(seed, "density of the prior")

        def function(latent: Any) -> list[Any]:
            generator = self.evaluation_generator
            components = self.encoded_components(generator)
            return [self.prior.log_prob(latent, components, seed=generator)]

        return map_batches(
            self.compiled_function(("prior_log_prob",), function, compile_rows), [array], batch_size
        )[0]

    def conditional_prior(self, above: Any, batch_size: int = 256) -> DiagonalNormal:
        """p(z_l | z_{l+1}, ..., z_L) of a level the prior does not govern, as NumPy arrays.

        Args:
            above: z_{l+1} ... z_L, nearest the data first, each (n, *latent_shape); their number
                says which level l is. `[z_L]` gives p(z_{L-1} | z_L).
            batch_size: rows per pass.

        Returns:
            The distribution, parameters of shape (n, *latent_shape).

        Raises:
            DataError: if the prior governs the level, or the arrays do not fit the model.
            NonFiniteLossError: if its mean or log-variance is NaN or infinite.
            NotImplementedError: if the inference scheme is a plugin that does not say.
        """
        arrays = list(above)
        num_governed = len(self.inference.governed(self.latent_shapes))
        if not num_governed <= len(arrays) < self.num_levels:
            raise DataError(
                f"Received {len(arrays)} levels above, for a {self.inference.structure} structure "
                f"of {self.num_levels} levels; expected a stacked structure, and from 1 to L - 1 "
                "arrays. The prior governs what has no level above: see `sample_prior`."
            )
        self.require_built("conditional_prior")
        level = self.num_levels - len(arrays)
        arrays = checked_latents("above", arrays, self.latent_shapes[level:])

        def function(*levels: Any) -> list[Any]:
            conditional = self.inference.conditional_prior(levels)
            return [conditional.mean, conditional.log_variance]

        compiled = self.compiled_function(
            ("conditional_prior", len(arrays)), function, compile_rows
        )
        mean, log_variance = map_batches(compiled, arrays, batch_size)
        require_finite("The conditional prior", [mean, log_variance])
        return DiagonalNormal(mean, log_variance, len(self.latent_shapes[level - 1]))

    def governed_latent(self, latents: list[Array]) -> Array:
        """The vectors (n, prior_dim) that the prior governs, of latents z_1 ... z_L."""
        vectors = [latent.reshape(len(latent), -1) for latent in self.inference.governed(latents)]
        return vectors[0] if len(vectors) == 1 else np.concatenate(vectors, axis=-1)

    def split_latent(self, latent: Array) -> list[Array]:
        """The governed levels, each (n, *latent_shape), of their vectors (n, prior_dim)."""
        shapes = self.inference.governed(self.latent_shapes)
        ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        vectors = np.split(latent, ends, axis=-1)
        return [vector.reshape(-1, *shape) for vector, shape in zip(vectors, shapes, strict=True)]
