"""The data of a call, checked before a step is compiled."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from hiervae.model.core import ModelCore
from hiervae.model.inputs import Expected, check_array, check_weights
from hiervae.model.sources import BatchCheck, checked_source
from hiervae.utils.arrays import as_array, require_array


class CheckedDataMethods(ModelCore):
    """What all entries to training and evaluation make of the user's data."""

    _warnings_given: frozenset[str] = frozenset()

    def checked_data(
        self,
        name: str,
        x: Any,
        y: Any,
        sample_weight: Any,
        expected: Expected,
        may_warn: bool = True,
    ) -> tuple[Any, Any, Any]:
        """Examples, targets and weights for Keras; the model is built where their shape is known.

        Keras drops sample weights where there are no targets, so these are made up.

        Args:
            name: how to call the examples in an error.
            x: an array of examples (n, *event_shape), or a source of batches.
            y: targets, which the model ignores.
            sample_weight: (n,) or (n, 1), or None.
            expected: what the model takes.
            may_warn: whether to warn of targets and of the scale of the data.

        Raises:
            DataError: if the data cannot be used.
        """
        array = as_array(x, name)
        if array is None:
            check = BatchCheck(name, expected, self._warn_once if may_warn else None)
            x, event_shape = checked_source(x, check)
            if event_shape is not None and not self.built:
                self.build((None, *event_shape))
            return x, y, sample_weight
        array = check_array(name, array, expected.event_shape)
        expected.check_values(name, array)
        if y is not None:
            self._warn_once("targets", f"{name} comes with targets")
            y = None
        if may_warn and (advice := expected.scale_advice(name, array)) is not None:
            self._warn_once("scale", advice)
        if sample_weight is not None:
            sample_weight = check_weights("sample_weight", sample_weight, len(array))
            y = np.zeros(len(array), dtype="uint8")
        self.build_for(array)
        return array, y, sample_weight

    def checked_batch(
        self, x: Any, y: Any, sample_weight: Any, expected: Expected
    ) -> tuple[Any, Any, Any]:
        """As `checked_data`, for one array.

        Raises:
            DataError: if the data cannot be used.
        """
        return self.checked_data("x", require_array(x, "x"), y, sample_weight, expected)

    def _warn_once(self, kind: str, message: str) -> None:
        """Warn of a misuse of this kind, once in the life of the model."""
        if kind in self._warnings_given:
            return
        self._warnings_given |= {kind}
        if kind == "targets":
            message += (
                ", which the model ignores: it learns the distribution of the examples alone, and "
                "compares each with its own reconstruction. Leave the targets out."
            )
        warnings.warn(message, UserWarning, stacklevel=4)


def refuse_class_weight(what: str, class_weight: Any) -> None:
    """Refuse weights of classes.

    Raises:
        ValueError: if there are some.
    """
    if class_weight is not None:
        raise ValueError(
            f"{what}() received class_weight={class_weight!r}, but the model has no classes; "
            "weigh single examples by sample_weight."
        )
