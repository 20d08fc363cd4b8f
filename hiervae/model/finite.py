"""What a model with diverged weights gives is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from hiervae.errors import NonFiniteLossError
from hiervae.utils.batching import Array

_ADVICE = (
    "expected finite numbers. The weights may have diverged in training: restore an earlier "
    "checkpoint."
)


def require_finite(name: str, values: ArrayLike) -> None:
    """Refuse numbers that are NaN or infinite.

    Raises:
        NonFiniteLossError: if one is.
    """
    if not np.isfinite(values).all():
        raise NonFiniteLossError(f"{name} came out NaN or infinite; {_ADVICE}")


def finite_scores(name: str, scores: Array) -> Array:
    """`scores`, shape (n,), if all are finite.

    Raises:
        NonFiniteLossError: if one is not; the message names the first such example.
    """
    bad = np.flatnonzero(~np.isfinite(scores))
    if bad.size:
        raise NonFiniteLossError(
            f"{name} is {scores[bad[0]]} for example {bad[0]} ({bad.size} such examples); {_ADVICE}"
        )
    return scores


def require_numbers(weights: Iterable[Any]) -> None:
    """Refuse weights that are NaN, of which a draw of zeros and ones would tell nothing.

    Raises:
        NonFiniteLossError: if one is.
    """
    real = [weight for weight in weights if "float" in str(weight.dtype)]
    flags = [ops.any(ops.isnan(weight)) for weight in real]
    if flags:
        bad = np.flatnonzero(ops.convert_to_numpy(ops.stack(flags)))
        if bad.size:
            raise NonFiniteLossError(f"The weight {real[bad[0]].path} holds NaN; {_ADVICE}")
