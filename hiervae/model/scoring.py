"""Log-likelihood estimates of a built model, streamed in bounded memory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from hiervae.backend import compile_fixed, repeat
from hiervae.distributions import DiagonalNormal
from hiervae.inference.base import InferenceScheme
from hiervae.likelihoods.base import Likelihood
from hiervae.model.core import ModelCore
from hiervae.model.finite import finite_scores
from hiervae.model.frozen import layers_of
from hiervae.model.objective import kl_terms
from hiervae.model.part_results import check_pass, check_rows
from hiervae.model.row_cost import rows_in_memory
from hiervae.model.score_plan import LOWEST, SAMPLES_A_COMPONENT_DRAW, ScorePlan
from hiervae.model.scores import PartialScores, Scores
from hiervae.random import SampleKeys
from hiervae.types import Tensor
from hiervae.utils.batching import Array
from hiervae.utils.overrides import stands_for


class ScoringMethods(ModelCore):
    """`elbo`, `log_likelihood` and `score`."""

    def rows_in_memory(self) -> int:
        """Rows that go through the built model at once by default; see `log_likelihood`."""
        estimate = self.prior.describe_estimate().get("prior_samples", 1)
        parts = ((self.inference, 1), (self.likelihood, 1), (self.prior, estimate))
        return min(rows_in_memory(layers_of(part)) // number or 1 for part, number in parts)

    def elbo(
        self,
        x: Any,
        num_samples: int = 1,
        batch_size: int = 100,
        seed: int | None = None,
        rows_per_pass: int | None = None,
    ) -> Array:
        """The evidence lower bound of each example at beta = 1.

        KL terms are taken in closed form where they have one, whatever the model is trained on.

        Args:
            x: examples, shape (n, *event_shape).
            num_samples: posterior samples that are averaged.
            batch_size: examples per pass.
            seed: of the draws; as in `log_likelihood`.
            rows_per_pass: as in `log_likelihood`.

        Returns:
            Shape (n,), nats.

        Raises:
            DataError: if the examples are empty, not finite, or of the wrong shape or range.
            NonFiniteLossError: if a value comes out infinite or NaN.
        """
        values = self.check_examples("x", x)
        plan = self._plan(len(values), num_samples, batch_size, rows_per_pass, True)
        sums = [part for part, _ in self._sums(values, plan, self._draw_key(seed), 0)]
        return finite_scores("elbo", np.concatenate(sums, axis=1)[0] / num_samples)

    def log_likelihood(
        self,
        x: Any,
        num_samples: int = 5000,
        batch_size: int = 100,
        seed: int | None = 0,
        verbose: int = 1,
        rows_per_pass: int | None = None,
    ) -> Array:
        """The importance-weighted bound L_S on log p(x) of each example (Burda et al. 2016).

        With a prior that estimates its own density from K samples every one of the S weights uses
        a fresh estimate; the result stays a lower bound in expectation and tightens with S and K.
        `score` gives the weights' effective sample size and the standard error with it.

        Args:
            x: examples, shape (n, *event_shape).
            num_samples: importance samples S.
            batch_size: examples per pass.
            seed: of the draws; None goes on from the last draw. The noise of a sample follows from
                the seed, the example's place in `x` and the sample's number, on every backend, so
                that `batch_size` and `rows_per_pass` change nothing but rounding.
            verbose: 1 shows a progress bar, 0 nothing.
            rows_per_pass: the most rows, examples times samples, that go through the model at once
                (but an example at least). Memory grows with it, and not with S. None takes 2,000 on
                a CPU and 10,000 elsewhere, or as many as need about 64 MiB, elsewhere 1 GiB, in the
                largest layer: fewer where images go through convolutions.

        Returns:
            Shape (n,), nats.

        Raises:
            DataError: if the examples are empty, not finite, or of the wrong shape or range.
            NonFiniteLossError: if a value comes out infinite or NaN.
        """
        scores = self._score(x, num_samples, batch_size, seed, verbose, rows_per_pass)
        return scores.log_likelihood

    def score(
        self,
        x: Any,
        num_samples: int = 5000,
        batch_size: int = 100,
        seed: int | None = 0,
        verbose: int = 1,
        rows_per_pass: int | None = None,
        resume_file: str | os.PathLike[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Scores:
        """`log_likelihood` with the importance weights' effective sample size and standard error.

        Args:
            x: examples, shape (n, *event_shape).
            num_samples: importance samples S.
            batch_size: examples per pass.
            seed: as in `log_likelihood`.
            verbose: 1 shows a progress bar, 0 nothing.
            rows_per_pass: as in `log_likelihood`.
            resume_file: a file that keeps, after each batch, what was scored so far, and is removed
                at the end. A call that finds one of the same weights, examples, samples and seed
                goes on from there; if it is of others, a warning says so and all is scored.
            progress: called after each batch with the number of examples done.

        Returns:
            One number an example in each array.

        Raises:
            DataError: if the examples are empty, not finite, or of the wrong shape or range.
            NonFiniteLossError: if a value comes out infinite or NaN.
            OSError: if `resume_file` cannot be written.

        Example:
            >>> scores = model.score(x, num_samples=1000)  # doctest: +SKIP
            >>> scores.effective_sample_size.min()  # doctest: +SKIP
        """
        return self._score(
            x, num_samples, batch_size, seed, verbose, rows_per_pass, resume_file, progress
        )

    def _score(
        self,
        x: Any,
        num_samples: int,
        batch_size: int,
        seed: int | None,
        verbose: int,
        rows_per_pass: int | None,
        resume_file: str | os.PathLike[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Scores:
        values = self.check_examples("x", x)
        plan = self._plan(len(values), num_samples, batch_size, rows_per_pass, False)
        key = self._draw_key(seed)
        fingerprint = "" if resume_file is None else self._fingerprint(values, num_samples, key)
        kept = PartialScores(resume_file, fingerprint)
        sums = kept.read()
        bar = keras.utils.Progbar(len(values), verbose=verbose, unit_name="example")
        if sums.shape[1]:
            bar.update(sums.shape[1])
        for part, done in self._sums(values, plan, key, sums.shape[1]):
            sums = np.concatenate([sums, part], axis=1)
            kept.write(sums)
            bar.update(done)
            if progress is not None:
                progress(done)
        scores = Scores.from_sums(sums, num_samples)
        finite_scores("log_likelihood", scores.log_likelihood)
        kept.remove()
        scores.warn_if_degenerate()
        return scores

    def _plan(
        self,
        num_examples: int,
        num_samples: int,
        batch_size: int,
        rows_per_pass: int | None,
        closed_form: bool,
    ) -> ScorePlan:
        """Examples and samples of a pass, of few different sizes, each compiled once."""
        rows = self.rows_in_memory() if rows_per_pass is None else rows_per_pass
        drawn = self._components_are_drawn()
        return ScorePlan.of(num_examples, num_samples, batch_size, rows, closed_form, drawn)

    def _components_are_drawn(self) -> bool:
        """Whether the prior's components differ from draw to draw."""
        has_some = self.prior.pseudo_inputs is not None
        return has_some and self.inference.components_are_drawn(self.num_levels)

    def _draw_key(self, seed: int | None) -> Array:
        """The two words that all noise of a call follows from.

        Raises:
            ValueError: if the seed is neither None nor an integer from 0 to 2^31 - 1.
        """
        self.reset_generator(seed)
        words = ops.convert_to_numpy(self.evaluation_generator.next())
        return words.astype("int64").astype("uint32").view("int32")

    def _sums(
        self, values: Array, plan: ScorePlan, key: Array, done: int
    ) -> Iterator[tuple[Array, int]]:
        """Give, for each batch from example `done` on, sums (k, batch) in float64 and the end."""
        words = ops.convert_to_tensor(key, dtype="int32")
        fixed = [] if self._components_are_drawn() else self._encode_components_once(words)
        name = ("sums", plan.chunk, plan.closed_form)
        compiled = self.compiled_function(name, self._summing(plan), compile_fixed)
        while done < len(values):
            part = values[done : done + plan.batch_size]
            shares = plan.shares(len(part))
            arrays = part[shares.rows], done + shares.rows, shares.first, shares.end
            passes = ops.convert_to_tensor(shares.num_passes, dtype="int32")
            sums = compiled([*map(ops.convert_to_tensor, arrays)], [words, passes, *fixed])
            done += len(part)
            yield plan.joined(ops.convert_to_numpy(sums).T, len(part), shares.copies), done

    def _encode_components_once(self, key: Tensor) -> list[Tensor]:
        """Parameters of the posteriors of the prior's pseudo-inputs, nothing where it has none."""
        if self.prior.pseudo_inputs is None:
            return []

        def function(key: Tensor) -> list[Tensor]:
            components: Any = self._components(key, ops.zeros((), dtype="int32"))
            return [components.mean, components.log_variance]

        parameters: list[Tensor] = self.compiled_function(("components",), function)(key)
        return parameters

    def _components(self, key: Tensor, number: Tensor) -> DiagonalNormal | None:
        return self.encoded_components(SampleKeys.shared(key, number))

    def _summing(self, plan: ScorePlan) -> Callable[..., Tensor]:
        """The function that is compiled: a batch's sums (batch, k), chunk by chunk of samples."""
        chunk = plan.chunk

        def function(
            inputs: Tensor,
            examples: Tensor,
            first: Tensor,
            end: Tensor,
            key: Tensor,
            num_passes: Tensor,
            *fixed: Tensor,
        ) -> Tensor:
            inputs = ops.cast(inputs, "float32")
            encoded = self._encode_examples(inputs)

            def body(index: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
                begun = index * chunk
                components = DiagonalNormal(fixed[0], fixed[1]) if fixed else None
                if self._components_are_drawn():
                    components = self._components(key, begun // SAMPLES_A_COMPONENT_DRAW)
                keys = SampleKeys(key, examples, first + begun, chunk)
                bounds = self._bounds(inputs, encoded, components, keys, plan)
                number = ops.reshape(ops.arange(chunk, dtype="int32"), (-1, 1)) + first + begun
                return _added(state, bounds, number < end, plan.closed_form)

            zeros = ops.zeros(ops.shape(examples), dtype="float32")
            state = (zeros,) if plan.closed_form else (zeros + LOWEST, zeros, zeros)
            return ops.stack(repeat(self, body, state, num_passes), axis=-1)

        return function

    def _encode_examples(self, inputs: Tensor) -> Any:
        if stands_for(self.inference, "infer_encoded", "infer"):
            return self.inference.encode_examples(inputs)
        return inputs

    def _bounds(
        self,
        inputs: Tensor,
        encoded: Any,
        components: DiagonalNormal | None,
        keys: SampleKeys,
        plan: ScorePlan,
    ) -> Tensor:
        """The log-likelihoods less the KL, closed-form or log q - log p: shape (chunk, batch)."""
        if stands_for(self.inference, "infer_encoded", "infer"):
            outcome = self.inference.infer_encoded(encoded, plan.chunk, seed=keys)
        else:
            outcome = InferenceScheme.infer_encoded(self.inference, encoded, plan.chunk, seed=keys)
        check_pass(self.inference, outcome)
        outcome = replace(outcome, components=components)
        parameters = self.likelihood(outcome.features, training=False)
        if stands_for(self.likelihood, "log_prob_of_draws", "log_prob"):
            log_prob = self.likelihood.log_prob_of_draws(inputs, parameters, plan.chunk)
        else:
            log_prob = Likelihood.log_prob_of_draws(self.likelihood, inputs, parameters, plan.chunk)
        num_rows = outcome.levels[0].latent.shape[0]
        check_rows(f"{type(self.likelihood).__name__}.log_prob", log_prob, num_rows)
        kl = kl_terms(outcome, self.inference, self.prior, plan.closed_form, keys, False)
        for entry in kl.values():
            log_prob = log_prob - entry
        return ops.reshape(log_prob, (plan.chunk, -1))

    def _fingerprint(self, values: Array, num_samples: int, key: Array) -> str:
        """Of all that scores depend on, beside the versions of the software."""
        digest = hashlib.sha256()
        settings = {
            "config": self.get_config(),
            "backend": keras.backend.backend(),
            "samples": num_samples,
            "key": key.tolist(),
            "shape": values.shape,
        }
        digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
        generators = {id(state) for state in self.generator_states}
        for weight in self.variables:
            if id(weight) not in generators:
                digest.update(np.ascontiguousarray(ops.convert_to_numpy(weight)).tobytes())
        digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()


def _added(
    state: tuple[Tensor, ...], bounds: Tensor, counted: Tensor, averaged: bool
) -> tuple[Tensor, ...]:
    """The state with the bounds (chunk, batch) added, those that count, of the same shape.

    Args:
        state: the sum of the bounds; or their maximum m, and the sums of w and of w^2 for the
            weights w = exp(bound - m).
        bounds: of this pass.
        counted: False for samples beyond the last of a row.
        averaged: which of the two states it is.
    """
    if averaged:
        (total,) = state
        return (total + ops.sum(ops.where(counted, bounds, 0.0), axis=0),)
    peak, total, squares = state
    highest = ops.maximum(peak, ops.max(ops.where(counted, bounds, LOWEST), axis=0))
    weights = ops.where(counted, ops.exp(bounds - highest), 0.0)
    shrunk = ops.exp(peak - highest)
    return (
        highest,
        total * shrunk + ops.sum(weights, axis=0),
        squares * ops.square(shrunk) + ops.sum(ops.square(weights), axis=0),
    )
