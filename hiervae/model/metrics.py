"""The metrics of a model, kept in one Keras metric so that a step updates them all at once."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from hiervae.types import Tensor

CONTROL_NAMES = ("beta", "constraint", "phase")


class StepMetrics(keras.metrics.Metric):
    """Weighted means of named terms, the last control values, and the first non-finite term.

    Args:
        names: the terms that are averaged over examples, "constraint" among them.
    """

    def __init__(self, names: tuple[str, ...], name: str = "step_metrics") -> None:
        super().__init__(name=name, dtype="float32")
        self.names = names
        size = len(names)
        self.totals = self._zeros("totals", size)
        self.weight = self._zeros("weight")
        self.control = self._zeros("control", len(CONTROL_NAMES))
        self.bad = self._zeros("bad", size)

    def _zeros(self, name: str, *shape: int) -> Any:
        """A variable of which every replica has the same copy, since all see the same means."""
        return self.add_variable(
            shape, "zeros", dtype="float32", name=name, aggregation="only_first_replica"
        )

    def update_state(
        self,
        means: dict[str, Tensor],
        weight: Tensor,
        control: dict[str, Any],
        running: bool,
    ) -> None:
        """Add a batch.

        Args:
            means: the terms' weighted means over the batch.
            weight: the batch's sum of sample weights.
            control: beta, constraint and phase as they are now.
            running: log the control's constraint, a running average; False logs the mean over the
                data.
        """
        values = ops.stack([ops.cast(means[name], "float32") for name in self.names])
        weight = ops.cast(weight, "float32")
        totals, weight = self.totals + values * weight, self.weight + weight
        self.totals.assign(totals)
        self.weight.assign(weight)
        if not running:
            mean = totals[self.names.index("constraint")] / ops.maximum(weight, 1e-30)
            control = {**control, "constraint": mean}
        self.control.assign(
            ops.stack([ops.cast(control[name], "float32") for name in CONTROL_NAMES])
        )
        finite = ops.cast(ops.isfinite(values), "float32")
        unseen = ops.cast(ops.equal(ops.sum(self.bad), 0.0), "float32")
        self.bad.assign(self.bad + unseen * (1.0 - finite))

    def result(self) -> dict[str, Tensor]:
        """Means of the terms and the last control values, by name."""
        means = self.totals / ops.maximum(self.weight, 1e-30)
        named = dict(zip(self.names, ops.unstack(means, len(self.names)), strict=True))
        control = ops.unstack(self.control + 0.0, len(CONTROL_NAMES))
        return {**named, **dict(zip(CONTROL_NAMES, control, strict=True))}

    def non_finite_terms(self) -> tuple[str, ...]:
        """The terms that were not finite in the first batch that had such a term.

        What is made of other terms is left out where one of these is there.
        """
        flags = ops.convert_to_numpy(self.bad)
        bad = [name for name, flag in zip(self.names, flags, strict=True) if flag > 0]
        levels = [name for name in bad if name.startswith("kl_")]
        made = {"loss", "elbo", "constraint", *(("kl",) if levels else ())}
        return tuple(name for name in bad if name not in made) or tuple(bad)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"names": self.names, "name": self.name}
