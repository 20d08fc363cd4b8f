"""What a training or test step computes, the same on every backend."""

from __future__ import annotations

from collections import Counter
from typing import Any

import keras
from keras import ops

from hiervae import backend, random
from hiervae.model.objective import elbo
from hiervae.types import Tensor

GROUPS = ("prior", "inference", "likelihood")


class TrainingMethods:
    """The backend-neutral half of `train_step` and `test_step`; see `hiervae.backend`."""

    def unpack_batch(self: Any, data: Any) -> tuple[Tensor, Tensor | None]:
        """Examples and sample weights of a batch; targets are ignored.

        Raises:
            ValueError: if the examples are not one array.
        """
        inputs, _, weights = keras.utils.unpack_x_y_sample_weight(data)
        if isinstance(inputs, (dict, list, tuple)):
            raise ValueError(
                f"A batch holds a {type(inputs).__name__} of inputs; expected one array of "
                "examples, (batch, *event_shape). Yield `x`, `(x,)` or `(x, y, sample_weight)`."
            )
        if self.event_shape is not None:
            inputs = backend.with_event_shape(inputs, self.event_shape)
        return inputs, weights

    def training_outcome(self: Any, inputs: Tensor, weights: Tensor | None) -> dict[str, Any]:
        """Loss, metrics and the control values of one training batch.

        The scheduler decides on this batch's reconstruction error before the loss is formed, in
        the order of Algorithm 1 of Klushyn et al. (2019).

        Returns:
            `loss` to differentiate; `means`, the metrics' batch means; `weight`, the sum of sample
            weights; `control`, the scheduler's state that governs the step.
        """
        if self.dynamic_binarisation:
            uniform = random.uniform(ops.shape(inputs), self.seed_generator)
            inputs = ops.cast(uniform < ops.cast(inputs, "float32"), "float32")
        terms = self(inputs, training=True, return_terms=True)
        weight, average = _weighting(inputs, weights)
        error = average(ops.mean(terms.reconstruction_error, axis=0))
        kl = average(ops.mean(terms.total_kl, axis=0))
        counts = None if weights is None else weight > 0.0
        control = self.control.advance(error, kl, self.num_dimensions, counts)
        loss = self.objective.training_loss(terms, average, ops.stop_gradient(control["beta"]))
        return self._outcome(terms, loss, average, weight, control)

    def test_outcome(self: Any, inputs: Tensor, weights: Tensor | None) -> dict[str, Any]:
        """As `training_outcome`, at beta = 1 and without a change of the control state."""
        terms = self(inputs, training=False, return_terms=True)
        weight, average = _weighting(inputs, weights)
        loss = self.objective.loss(terms, average)
        control = {"beta": ops.ones(()), "constraint": None, "phase": self.control.phase()}
        return self._outcome(terms, loss, average, weight, control)

    def _outcome(
        self: Any, terms: Any, loss: Tensor, average: Any, weight: Tensor, control: dict[str, Any]
    ) -> dict[str, Any]:
        for entry in self.losses:
            loss = loss + ops.cast(entry, "float32")
        log_likelihood = average(ops.mean(terms.log_likelihood, axis=0))
        kl = {name: average(ops.mean(entry, axis=0)) for name, entry in terms.kl.items()}
        means = {
            "loss": loss,
            "elbo": average(elbo(terms)),
            "reconstruction": -log_likelihood,
            "kl": average(ops.mean(terms.total_kl, axis=0)),
            **kl,
            "constraint": average(ops.mean(terms.reconstruction_error, axis=0)),
        }
        means = {name: ops.stop_gradient(value) for name, value in means.items()}
        return {"loss": loss, "means": means, "weight": weight, "control": control}

    def record(self: Any, outcome: dict[str, Any], training: bool) -> dict[str, Tensor]:
        """Add an outcome to the metrics and return their values so far, by name."""
        running = training and self.control.keeps_constraint
        self.step_metrics.update_state(
            outcome["means"], outcome["weight"], outcome["control"], running
        )
        return self.step_metrics.result()

    def gated_variables(self: Any) -> list[tuple[str, list[int], list[int]]]:
        """For each gate: its key in the control state and the positions of what it holds.

        Positions are those in `trainable_variables` and in `optimizer.variables`.

        Raises:
            ValueError: if the optimiser keeps state that cannot be held.
        """
        scheduler = self.control.scheduler
        if scheduler is None or not scheduler.gates:
            return []
        if self.optimizer.use_ema:
            raise ValueError(
                f"The optimiser has use_ema=True beside {type(scheduler).__name__}, which holds "
                "weights still; expected use_ema=False, since Keras starts the averages at zero."
            )
        trainable = self.trainable_variables
        if not self.optimizer.built:
            self.optimizer.build(trainable)
        owners = self._optimizer_owners()
        gated = []
        for group in scheduler.gates:
            members = {id(variable) for variable in getattr(self, group).trainable_variables}
            in_model = [i for i, variable in enumerate(trainable) if id(variable) in members]
            in_optimizer = [i for i, owner in enumerate(owners) if owner in in_model]
            gated.append((f"gate_{group}", in_model, in_optimizer))
        return gated

    def _optimizer_owners(self: Any) -> list[int | None]:
        """For each optimiser variable the position of the weight it belongs to, if any.

        Keras names an optimiser variable after the path of its weight; the longest path that fits
        is the right one, since one weight's path may begin another's. Weights of one path (layers
        of one name, built before they were composed) have theirs in the order of the weights.

        Raises:
            ValueError: if the optimiser keeps state that cannot be assigned or held.
        """
        weights: dict[str, list[int]] = {}
        for index, variable in enumerate(self.trainable_variables):
            weights.setdefault(variable.path.replace("/", "_") + "_", []).append(index)
        prefixes = sorted(weights, key=len, reverse=True)
        seen: Counter[str] = Counter()
        owners: list[int | None] = []
        for variable in self.optimizer.variables:
            name = variable.name
            prefix = next((prefix for prefix in prefixes if name.startswith(prefix)), None)
            if prefix is None:
                owners.append(None)
                self._check_unowned(variable)
                continue
            candidates = weights[prefix]
            owners.append(candidates[seen[name] % len(candidates)])
            seen[name] += 1
        return owners

    def _check_unowned(self: Any, variable: Any) -> None:
        if len(variable.shape):
            raise ValueError(
                f"The optimiser {type(self.optimizer).__name__} keeps a variable {variable.name!r} "
                "that names no weight in training; a scheduler that holds weights still expects "
                "all to. If weights were frozen or thawed since, call `compile` again; else use "
                "another optimiser, such as keras.optimizers.Adam."
            )


def _weighting(inputs: Tensor, weights: Tensor | None) -> tuple[Tensor, Any]:
    """The batch's sum of weights and a function that averages (batch,) arrays with them.

    An example of weight 0 has no influence, whatever its value is. Negative weights make everything
    NaN, since a compiled step cannot refuse them, and so do weights that turn out not to be one an
    example where their number is not known beforehand.

    Raises:
        ValueError: if the weights are known not to be one an example.
    """
    if weights is None:
        count = ops.cast(ops.shape(inputs)[0], "float32")
        return count, ops.mean
    size = inputs.shape[0]
    if size is not None and tuple(weights.shape) not in {(size,), (size, 1)}:
        raise ValueError(
            f"A batch of {size} examples came with sample weights of shape {tuple(weights.shape)}; "
            f"expected ({size},), one an example."
        )
    weights = ops.reshape(ops.cast(weights, "float32"), (-1,))
    if size is None:
        found, count = ops.shape(weights)[0], ops.shape(inputs)[0]
        weights = ops.take(weights, ops.minimum(ops.arange(count), found - 1))
        weights = ops.where(ops.equal(found, count), weights, float("nan"))
    total = ops.sum(ops.where(weights < 0.0, float("nan"), weights))

    def average(values: Tensor) -> Tensor:
        weighted = ops.where(weights > 0.0, weights * values, 0.0)
        return ops.sum(weighted) / ops.where(ops.equal(total, 0.0), 1.0, total)

    return total, average
