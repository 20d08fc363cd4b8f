"""Log-likelihood estimates of a built model, streamed in bounded memory."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from hiervae.batching import Array, batches, map_batches
from hiervae.objective import elbo
from hiervae.options import check_positive_int

ROWS_PER_PASS = 10_000


class ScoringMethods:
    """`elbo` and `log_likelihood`."""

    def elbo(
        self: Any, x: Any, num_samples: int = 1, batch_size: int = 100, seed: int | None = None
    ) -> Array:
        """The evidence lower bound of each example at beta = 1.

        Args:
            x: examples, shape (n, *event_shape).
            num_samples: posterior samples that are averaged.
            batch_size: examples a pass.
            seed: of the draws; the same seed gives the same numbers on one backend.

        Returns:
            Shape (n,), nats.

        Raises:
            DataError: if the examples are empty, not finite, or of the wrong shape or range.
            NonFiniteLossError: if a value comes out infinite or NaN.
        """
        check_positive_int("num_samples", num_samples)
        values = self.check_examples("x", x)
        self.reset_generator(seed)

        def function(inputs: Any) -> list[Any]:
            return [elbo(self(inputs, return_terms=True, num_samples=num_samples))]

        compiled = self.compiled_function(("elbo", num_samples), function)
        return self.check_scores("elbo", map_batches(compiled, [values], batch_size)[0])

    def log_likelihood(
        self: Any,
        x: Any,
        num_samples: int = 5000,
        batch_size: int = 100,
        seed: int | None = 0,
        verbose: int = 0,
    ) -> Array:
        """The importance-weighted bound L_S on log p(x) of each example (Burda et al. 2016).

        With a prior that estimates its own density from K samples every one of the S weights uses
        a fresh estimate; the result stays a lower bound in expectation and tightens with S and K.

        Args:
            x: examples, shape (n, *event_shape).
            num_samples: importance samples S.
            batch_size: examples a pass; a pass holds about 10,000 rows whatever S is.
            seed: of the draws; None goes on from the last draw.
            verbose: 1 shows a progress bar.

        Returns:
            Shape (n,), nats.

        Raises:
            DataError: if the examples are empty, not finite, or of the wrong shape or range.
            NonFiniteLossError: if a value comes out infinite or NaN.
        """
        check_positive_int("num_samples", num_samples)
        values = self.check_examples("x", x)
        self.reset_generator(seed)
        batch_size = min(check_positive_int("batch_size", batch_size), len(values))
        chunk = max(1, min(num_samples, ROWS_PER_PASS // batch_size))

        def function(inputs: Any) -> Any:
            terms = self(inputs, return_terms=True, num_samples=chunk, closed_form=False)
            return terms.log_likelihood - terms.total_kl

        compiled = self.compiled_function(("log_weights", chunk), function)
        progress = keras.utils.Progbar(len(values), verbose=verbose, unit_name="example")
        scores = []
        for (inputs,), count in batches([values], batch_size):
            inputs = keras.ops.convert_to_tensor(inputs)
            total = np.full(batch_size, -np.inf)
            for start in range(0, num_samples, chunk):
                weights = keras.ops.convert_to_numpy(compiled(inputs)).astype("float64")
                kept = weights[: num_samples - start]
                total = np.logaddexp(total, np.logaddexp.reduce(kept, axis=0))
            scores.append(total[:count] - np.log(num_samples))
            progress.add(count)
        return self.check_scores("log_likelihood", np.concatenate(scores))
