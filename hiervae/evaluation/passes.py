"""Sampled inference passes over examples, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.backend import compile_rows
from hiervae.errors import DataError
from hiervae.inference.passes import InferencePass
from hiervae.utils.arrays import require_array
from hiervae.utils.batching import map_batches

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE

FloatArray = NDArray[np.float64]

BATCH_SIZE = 512
_DECODED_ROWS = 256


def as_examples(x: ArrayLike, at_least: int = 1) -> NDArray[Any]:
    """Return `x` as an array of at least so many examples.

    Raises:
        DataError: if there are fewer; the model itself checks shape and values.
    """
    examples = require_array(x, "x")
    if examples.ndim == 0 or len(examples) < at_least:
        raise DataError(
            f"x has shape {examples.shape}; expected (n, *event_shape) with n >= {at_least}."
        )
    return examples


def sampled_passes(
    model: HierarchicalVAE, examples: NDArray[Any], num_samples: int, seed: int | None
) -> Iterator[Iterator[tuple[NDArray[Any], InferencePass]]]:
    """Yield `num_samples` passes over the examples, each an iterator over batches.

    Args:
        model: a built model.
        examples: shape (n, *event_shape).
        num_samples: posterior samples for each example, one a pass.
        seed: of the first draw; the rest go on from it. None goes on from the model's last draw.

    Yields:
        Iterators over (batch of examples, its `InferencePass` of NumPy arrays), in order.
    """

    def batches(first_seed: int | None) -> Iterator[tuple[NDArray[Any], InferencePass]]:
        for start in range(0, len(examples), BATCH_SIZE):
            batch = examples[start : start + BATCH_SIZE]
            yield batch, model.posterior(batch, seed=first_seed if start == 0 else None)

    for index in range(num_samples):
        yield batches(seed if index == 0 else None)


def log_likelihoods(
    model: HierarchicalVAE, batch: NDArray[Any], outcome: InferencePass
) -> FloatArray:
    """Log p(x | z) of a batch of examples and its pass, shape (n,), nats."""

    def function(features: Any, inputs: Any) -> list[Any]:
        return [model.likelihood.log_prob(inputs, model.likelihood(features))]

    compiled = model.compiled_function(("log_likelihoods",), function, compile_rows)
    arrays = [np.asarray(outcome.features), batch.astype("float32", copy=False)]
    return as_float64(map_batches(compiled, arrays, _DECODED_ROWS)[0])


def as_float64(values: Any) -> FloatArray:
    """`values` as a float64 array: sums over many examples are kept in double precision."""
    return np.asarray(values, dtype=np.float64)
