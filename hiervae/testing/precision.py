"""Whether a part computes inside a model of mixed precision what it computes outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import keras

from hiervae.testing.check import Check
from hiervae.testing.workbench import HALF, numpy, settings, tensor

FIX = (
    "Cast to float32 before log-densities are formed, and leave `autocast` of add_weight() at its "
    "default, False."
)


class InModel(keras.layers.Layer):
    """A place where Keras casts weights, as it does inside a model of mixed precision.

    Args:
        function: what is called there; it returns tensors.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(autocast=False, dtype=HALF)
        self.function = function

    def call(self, inputs: Any) -> Any:
        """What the function returns, whatever the inputs are."""
        return self.function()


def check_in_model(
    check: Check, weights: Sequence[Any], function: Callable[[], dict[str, Any]]
) -> None:
    """Check that a part computes the same inside a model of mixed precision.

    Args:
        check: the check that is going on.
        weights: of the part; they are moved to where rounding shows, and stay there.
        function: uses the part; returns tensors by name, the same at every call.

    Raises:
        ConformanceError: if something else comes out there.
    """
    list(islice(settings(list(weights)), 2))
    outside, inside = function(), InModel(function)(tensor(0.0))
    for name, value in outside.items():
        where = f"{name} inside a model with dtype={HALF!r}"
        array = check.require_array(where, inside[name], tuple(value.shape))
        check.require_close(where, array, numpy(value), 1e-5)
