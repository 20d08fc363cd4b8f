"""The KL of each unit while a model trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hiervae.errors import DataError
from hiervae.evaluation.kl_profile import KLProfile
from hiervae.evaluation.passes import FloatArray, as_float64
from hiervae.utils.arrays import real_array


@dataclass(frozen=True, eq=False)
class KLHistory:
    """KL terms at several moments of a training, in nats per example.

    Attributes:
        steps: optimiser steps or epochs of the moments, rising, shape (t,).
        values: each term at each moment, shape (t,), by its name "kl_1" ... "kl_L".
        units: shares of the units, shape (t, units), by the name of the term; terms that do not
            split into units are left out.
    """

    steps: FloatArray
    values: dict[str, FloatArray]
    units: dict[str, FloatArray]

    def as_arrays(self) -> dict[str, FloatArray]:
        """All of it by names without nesting, as `numpy.savez` takes it."""
        shares = {f"{name}_units": units for name, units in self.units.items()}
        return {"steps": self.steps, **self.values, **shares}

    def up_to(self, step: float) -> KLHistory | None:
        """The moments up to a step; None where there are none."""
        kept = self.steps <= step
        if not kept.any():
            return None
        values = {name: column[kept] for name, column in self.values.items()}
        return KLHistory(
            self.steps[kept], values, {name: rows[kept] for name, rows in self.units.items()}
        )

    def followed_by(self, later: KLHistory) -> KLHistory:
        """This history and a later one of the same model.

        Raises:
            DataError: if the later one has other terms or numbers of units, or does not begin after
                this one.
        """
        if self._terms() != later._terms() or later.steps[0] <= self.steps[-1]:
            raise DataError(
                f"A history of {later._described()} from step {later.steps[0]:g} cannot follow "
                f"one of {self._described()} up to step {self.steps[-1]:g}; expected the same "
                "terms, with as many units, at later steps."
            )
        return KLHistory(
            np.concatenate([self.steps, later.steps]),
            {name: np.concatenate([v, later.values[name]]) for name, v in self.values.items()},
            {name: np.concatenate([v, later.units[name]]) for name, v in self.units.items()},
        )

    def _terms(self) -> dict[str, int | None]:
        """The number of units of each term; None where it has no units."""
        sizes = {name: rows.shape[1] for name, rows in self.units.items()}
        return {name: sizes.get(name) for name in self.values}

    def _described(self) -> str:
        terms = self._terms().items()
        return ", ".join(name if size is None else f"{name} ({size} units)" for name, size in terms)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike]) -> KLHistory:
        """Rebuild from `as_arrays()`.

        Raises:
            DataError: if there are no steps, or the arrays differ in their number of moments.
        """
        if "steps" not in arrays:
            raise DataError(
                f"There are the arrays {sorted(arrays)}; expected those of a KL history, among "
                "them 'steps'."
            )
        known = {name: real_array(values, name) for name, values in arrays.items()}
        steps = known.pop("steps")
        for name, rows in known.items():
            if rows.ndim != 1 + name.endswith("_units") or rows.shape[:1] != steps.shape:
                raise DataError(
                    f"{name} of a KL history has shape {rows.shape}, and steps {steps.shape}; "
                    "expected one entry, or row of units, for each step."
                )
        units = {key.removesuffix("_units"): known[key] for key in known if key.endswith("_units")}
        values = {key: known[key] for key in known if not key.endswith("_units")}
        return cls(steps, values, units)


def kl_history(steps: ArrayLike, profiles: Sequence[KLProfile]) -> KLHistory:
    """Join the KL profiles of several moments of a training (Sønderby et al. 2016, Figure 4).

    `hiervae.callbacks.KLMonitor` takes them during `fit`.

    Args:
        steps: optimiser steps or epochs, rising, shape (t,), t >= 1.
        profiles: what `kl_profile` found at each of them, of one model and the same examples.

    Returns:
        The history.

    Raises:
        DataError: if the two do not fit together.
    """
    moments = real_array(steps, "steps")
    fit = moments.shape == (len(profiles),) and len(profiles) > 0
    if not fit or not np.isfinite(moments).all() or (np.diff(moments) <= 0).any():
        raise DataError(
            f"steps is {steps!r:.80} and there are {len(profiles)} profiles; expected one finite "
            "number for each profile, rising, at least one."
        )
    names = [term.name for term in profiles[0].terms]
    if any([term.name for term in profile.terms] != names for profile in profiles):
        raise DataError("The profiles have terms of different names; expected those of one model.")
    moves = zip(*(profile.terms for profile in profiles), strict=True)
    columns = dict(zip(names, moves, strict=True))
    values = {name: as_float64([term.value for term in terms]) for name, terms in columns.items()}
    units = {
        name: np.stack([as_float64(term.per_unit).ravel() for term in terms])
        for name, terms in columns.items()
        if all(term.per_unit is not None for term in terms)
    }
    return KLHistory(moments, values, units)
