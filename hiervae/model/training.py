"""What a training or test step computes, the same on every backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
from keras import ops

from hiervae import random
from hiervae.backend import Gate, StepOutcome, check_weight_shape
from hiervae.model.core import ModelCore
from hiervae.model.gates import GATED_ROLES, find_gates
from hiervae.schedulers.base import Scheduler
from hiervae.types import Tensor
from hiervae.utils.replicas import current_replica

Average: TypeAlias = Callable[..., Sequence[Tensor]]


class TrainingMethods(ModelCore):
    """The backend-neutral half of `train_step` and `test_step`; see `hiervae.backend`."""

    _gates: tuple[Scheduler | None, tuple[Gate, ...]] = (None, ())

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates of the scheduler at work; looked up once a `fit`, not at every eager step.

        Raises:
            ValueError: if the optimiser keeps state that cannot be held.
        """
        if self._gates[0] is not self.control.scheduler:
            self.look_up_gates()
        return self._gates[1]

    @property
    def closed_steps(self) -> keras.Variable:
        """For each of `GATED_ROLES` the optimiser's steps that its gate was closed in, int32."""
        return self.control.closed_steps

    @property
    def rule_numbers(self) -> keras.Variable:
        """The settings of the scheduler at work that are inputs of the compiled step."""
        return self.control.numbers.variable

    def look_up_gates(self) -> None:
        """Find what the scheduler's gates hold among the weights that are in training now.

        Raises:
            ValueError: if the optimiser keeps state that cannot be held.
        """
        scheduler = self.control.scheduler
        parts = {role: getattr(self, role) for role in GATED_ROLES}
        closed = ops.convert_to_numpy(self.closed_steps).tolist()
        found = find_gates(scheduler, parts, self.trainable_variables, self.optimizer, closed)
        self._gates = (scheduler, found)

    def batch_outcome(self, inputs: Tensor, weights: Tensor | None, training: bool) -> StepOutcome:
        """Loss, control values and metrics of one batch, in training or evaluation.

        On one of several replicas all means are those of the global batch; the gradients of the
        loss add up to those of the global mean.

        Args:
            inputs: examples, shape (batch, *event_shape).
            weights: sample weights (batch,) or (batch, 1), or None.
            training: whether this is a training step.

        Raises:
            ValueError: if the weights are known not to be one an example.
        """
        if training:
            return self.training_outcome(inputs, weights)
        return self._outcome_of(inputs, weights, training=False)

    def training_outcome(self, inputs: Tensor, weights: Tensor | None) -> StepOutcome:
        """Loss, control values and metrics of one batch to train on.

        The scheduler decides on this batch's reconstruction error before the loss is
        formed, in the order of Algorithm 1 of Klushyn et al. (2019).

        Args:
            inputs: examples, shape (batch, *event_shape).
            weights: sample weights (batch,) or (batch, 1), or None.

        Raises:
            ValueError: if the weights are known not to be one an example.
        """
        if self.dynamic_binarisation:
            uniform = random.uniform(ops.shape(inputs), self.seed_generator)
            inputs = ops.cast(uniform < ops.cast(inputs, "float32"), "float32")
        return self._outcome_of(inputs, weights, training=True)

    def _outcome_of(self, inputs: Tensor, weights: Tensor | None, training: bool) -> StepOutcome:
        if weights is not None:
            weights = _flat_weights(inputs, weights)
            inputs = _finite_unless_counted(inputs, weights)
        terms = self.terms(inputs, training=training)
        weight, average = _weighting(inputs, weights)
        control: dict[str, Any] = {}

        def govern(error: Tensor, kl: Tensor) -> Tensor | float:
            if not training:
                control.update(
                    beta=ops.ones((), "float32"), constraint=None, phase=self.control.phase()
                )
                return 1.0
            counts = None if weights is None else weight > 0.0
            control.update(self.control.advance(error, kl, self.num_dimensions, counts))
            for gate in self.gates:
                control.setdefault(gate.key, ops.ones((), "float32"))  # of a former rule: open
            return ops.stop_gradient(control["beta"])

        evaluation = self.objective.evaluate(terms, average, govern, training)
        loss = evaluation.loss
        for entry in self.losses:
            loss = loss + _mean_over_replicas(ops.cast(entry, "float32"))
        means = {"loss": loss, **evaluation.means}
        means = {name: ops.stop_gradient(value) for name, value in means.items()}
        running = training and self.control.keeps_constraint
        self.step_metrics.update_state(means, weight, control, running)
        return StepOutcome(loss, control, self.get_metrics_result())


def _nan_unless(condition: Tensor) -> Tensor:
    """Zero, or NaN; not by a constant, which tools that look for NaN would report."""
    return 0.0 * ops.log(ops.cast(condition, "float32"))


def _mean_over_replicas(entry: Tensor) -> Tensor:
    replica = current_replica()
    return entry if replica is None else replica.sum_shares(entry / replica.count)


def _weighting(inputs: Tensor, weights: Tensor | None) -> tuple[Tensor, Average]:
    """The batch's sum of weights and a function that averages (batch,) arrays with them.

    Both are those of the global batch where there are several replicas. An example of weight 0 has
    no influence, whatever its value is, except that batch normalisation counts it.
    Negative weights make everything NaN, since a compiled step cannot refuse them.

    Args:
        inputs: examples, shape (batch, *event_shape).
        weights: shape (batch,), or None.
    """
    replica = current_replica()
    if weights is None:
        if replica is None:
            count = ops.cast(ops.shape(inputs)[0], "float32")
            return count, lambda *arrays: [ops.mean(values) for values in arrays]
        total = ops.cast(replica.all_rows, "float32")
    else:
        total = ops.sum(weights + _nan_unless(weights >= 0.0))
        if replica is not None:
            total = replica.sum_shares(total)
    divisor = ops.where(ops.equal(total, 0.0), 1.0, total)

    def average(*arrays: Tensor) -> Sequence[Tensor]:
        sums = [ops.sum(_weighted(values, weights)) for values in arrays]
        if replica is not None:
            shared = replica.sum_shares(ops.stack(sums))
            sums = ops.unstack(shared, len(arrays))
        return [value / divisor for value in sums]

    return total, average


def _weighted(values: Tensor, weights: Tensor | None) -> Tensor:
    return values if weights is None else ops.where(weights > 0.0, weights * values, 0.0)


def _finite_unless_counted(inputs: Tensor, weights: Tensor) -> Tensor:
    """The examples without NaN in those of weight 0, which would reach the gradients."""
    inputs = ops.cast(inputs, "float32")
    counted = ops.reshape(weights > 0.0, (-1, *[1] * (len(inputs.shape) - 1)))
    return ops.where(ops.logical_or(counted, ops.isfinite(inputs)), inputs, 0.0)


def _flat_weights(inputs: Tensor, weights: Tensor) -> Tensor:
    """Sample weights (batch,), float32; NaN where they turn out not to be one an example.

    Raises:
        ValueError: if that is known beforehand.
    """
    size = inputs.shape[0]
    if size is not None:
        check_weight_shape(size, weights.shape)
    weights = ops.reshape(ops.cast(weights, "float32"), (-1,))
    if size is None:
        found, count = ops.shape(weights)[0], ops.shape(inputs)[0]
        weights = ops.take(weights, ops.minimum(ops.arange(count, dtype="int32"), found - 1))
        weights = weights + _nan_unless(ops.equal(found, count))
    return weights
