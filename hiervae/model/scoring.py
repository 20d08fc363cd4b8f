"""Log-likelihood estimates of a built model, streamed in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from hiervae.errors import NonFiniteLossError
from hiervae.model.core import ModelCore
from hiervae.model.frozen import layers_of
from hiervae.model.row_cost import rows_in_memory
from hiervae.utils.batching import Array, batches, power_of_two
from hiervae.utils.validation import check_positive_int


class ScoringMethods(ModelCore):
    """`elbo` and `log_likelihood`."""

    def rows_in_memory(self) -> int:
        """Rows that go through the built model at once by default; see `log_likelihood`."""
        return rows_in_memory(
            layer for part in (self.inference, self.likelihood) for layer in layers_of(part)
        )

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
            seed: of the draws; the same seed gives the same numbers on one backend.
            rows_per_pass: as in `log_likelihood`.

        Returns:
            Shape (n,), nats.

        Raises:
            DataError: if the examples are empty, not finite, or of the wrong shape or range.
            NonFiniteLossError: if a value comes out infinite or NaN.
        """
        values = self.check_examples("x", x)
        if rows_per_pass is None:
            rows_per_pass = self.rows_in_memory()
        batch_size, chunk = _sizes(len(values), num_samples, batch_size, rows_per_pass)
        self.reset_generator(seed)

        def function(inputs: Any) -> Any:
            terms = self.terms(inputs, num_samples=chunk, closed_form=True)
            return terms.log_likelihood - terms.total_kl

        def mean(passes: Iterator[Array]) -> Array:
            return sum(bounds.sum(axis=0) for bounds in passes) / num_samples

        compiled = self.compiled_function(("bounds", chunk), function)
        parts = _reduced(compiled, values, num_samples, batch_size, chunk, mean)
        return _finite_scores("elbo", np.concatenate(list(parts)))

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

        Args:
            x: examples, shape (n, *event_shape).
            num_samples: importance samples S.
            batch_size: examples per pass.
            seed: of the draws; None goes on from the last draw.
            verbose: 1 shows a progress bar, 0 nothing.
            rows_per_pass: the most rows, examples times samples, that go through the model at once
                (but an example at least). Memory grows with it, and not with S. None takes 10,000,
                or as many as need about 1 GiB in the largest layer: fewer where images go through
                convolutions. It changes the numbers as another seed would.

        Returns:
            Shape (n,), nats.

        Raises:
            DataError: if the examples are empty, not finite, or of the wrong shape or range.
            NonFiniteLossError: if a value comes out infinite or NaN.
        """
        values = self.check_examples("x", x)
        if rows_per_pass is None:
            rows_per_pass = self.rows_in_memory()
        batch_size, chunk = _sizes(len(values), num_samples, batch_size, rows_per_pass)
        self.reset_generator(seed)

        def function(inputs: Any) -> Any:
            terms = self.terms(inputs, num_samples=chunk, closed_form=False)
            return terms.log_likelihood - terms.total_kl

        def log_mean(passes: Iterator[Array]) -> Array:
            sums = (np.logaddexp.reduce(weights, axis=0) for weights in passes)
            return np.logaddexp.reduce(list(sums), axis=0) - np.log(num_samples)

        compiled = self.compiled_function(("log_weights", chunk), function)
        progress = keras.utils.Progbar(len(values), verbose=verbose, unit_name="example")
        scores = []
        for part in _reduced(compiled, values, num_samples, batch_size, chunk, log_mean):
            scores.append(part)
            progress.add(len(part))
        return _finite_scores("log_likelihood", np.concatenate(scores))


def _sizes(
    num_examples: int, num_samples: int, batch_size: int, rows_per_pass: int
) -> tuple[int, int]:
    """Examples and samples of one pass; few examples count as a power of two, as in `batches`."""
    check_positive_int("num_samples", num_samples)
    check_positive_int("rows_per_pass", rows_per_pass)
    check_positive_int("batch_size", batch_size)
    batch_size = min(batch_size, power_of_two(num_examples), rows_per_pass)
    return batch_size, max(1, min(num_samples, rows_per_pass // batch_size))


def _reduced(
    compiled: Callable[..., Any],
    values: Array,
    num_samples: int,
    batch_size: int,
    chunk: int,
    reduce: Callable[[Iterator[Array]], Array],
) -> Iterator[Array]:
    """For each batch, what `reduce` makes of `compiled(batch)`, passes of up to (chunk, batch).

    The passes are float64 and have `num_samples` rows together.
    """
    for (inputs,), count in batches([values], batch_size):
        inputs = keras.ops.convert_to_tensor(inputs)
        starts = range(0, num_samples, chunk)
        passes = (
            keras.ops.convert_to_numpy(compiled(inputs)).astype("float64")[: num_samples - start]
            for start in starts
        )
        yield reduce(passes)[:count]


def _finite_scores(name: str, scores: Array) -> Array:
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
