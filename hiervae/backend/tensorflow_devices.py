"""A step on one of the replicas of a `tf.distribute` strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from hiervae.backend.step import RowFunction
from hiervae.types import Tensor
from hiervae.utils.replicas import Replica, acting_as, current_replica, rows_of


class StrategyReplica(Replica):
    """A replica that sums through the strategy it runs under."""

    def sum_shares(self, values: Tensor) -> Tensor:
        """See the base class."""
        total: Tensor = _with_gradient_of(values, _all_sum(tf.stop_gradient(values)))
        return total

    def sum_features(self, values: Tensor) -> Tensor:
        """See the base class."""
        total: Tensor = _all_sum(values)
        return total


def replica_of(inputs: Tensor) -> Replica | None:
    """The replica that runs this step on `inputs`; None where there is one alone."""
    context = tf.distribute.get_replica_context()
    count = tf.distribute.get_strategy().num_replicas_in_sync
    if context is None or count == 1:
        return None
    number = context.replica_id_in_sync_group
    rows = tf.shape(inputs)[0]
    # As floats, which every kind of collective can sum.
    by_replica = _all_sum(tf.one_hot(number, count) * tf.cast(rows, tf.float32))
    by_replica = tf.cast(by_replica, tf.int32)
    first = tf.reduce_sum(tf.where(tf.range(count) < number, by_replica, 0))
    known = inputs.shape[0]
    everything = tf.reduce_sum(by_replica)
    return StrategyReplica(count, rows if known is None else known, first, everything)


def summed_gradients(gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The gradients summed over replicas; None where the loss does not reach a weight."""
    if current_replica() is None:
        return list(gradients)
    reached = [gradient for gradient in gradients if gradient is not None]
    summed = iter(_all_sum(reached) if reached else [])
    return [None if gradient is None else next(summed) for gradient in gradients]


def expect_summed_gradients(optimizer: keras.optimizers.Optimizer) -> None:
    """Let an optimiser take the gradients of a replica as summed already.

    Keras clips, normalises and accumulates each replica's gradient before it sums them, which is
    another step than that of one device.
    """
    if current_replica() is None:
        return
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    for each in (optimizer, inner):
        object.__setattr__(each, "_all_reduce_sum_gradients", list)


def over_replicas(
    function: Callable[..., Any], alone: Callable[..., Any], **options: Any
) -> RowFunction:
    """`function(*rows, *common)`, each replica of the strategy in scope with rows of its own.

    Args:
        function: of arrays with the same rows, and of others; gives arrays with these rows.
        alone: the same, compiled for where there is one replica.
        options: of `tf.function`, which compiles it for several.
    """

    def of_one(rows: Sequence[Tensor], common: Sequence[Tensor]) -> Any:
        with acting_as(replica_of(rows[0])):
            return function(*rows, *common)

    def of_all(shares: Any, common: Sequence[Tensor]) -> Any:
        strategy = tf.distribute.get_strategy()
        outputs = strategy.run(of_one, (shares, common))
        joined = partial(strategy.gather, axis=0)
        return list(map(joined, outputs)) if isinstance(outputs, list) else joined(outputs)

    compiled = tf.function(of_all, autograph=False, **options)

    def call(rows: Sequence[Tensor], common: Sequence[Tensor] = ()) -> Any:
        strategy = tf.distribute.get_strategy()
        count = strategy.num_replicas_in_sync
        if count == 1:
            return alone(*rows, *common)

        def own(context: Any) -> list[Tensor]:
            number = context.replica_id_in_sync_group
            first, several = rows_of(number, count, len(rows[0]))
            return [array[first : first + several] for array in rows]

        return compiled(strategy.experimental_distribute_values_from_function(own), list(common))

    return call


def returned_logs(logs: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a step returns of its logs: all, or among several workers the loss as a vector.

    Keras means to average the logs of workers over an axis that they do not have.
    """
    return {"loss": tf.reshape(logs["loss"], (1,))} if _are_several_workers() else logs


def with_metrics(model: keras.Model, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let a function of steps return the metrics where `returned_logs` left them out."""
    if not _are_several_workers():
        return function

    def call(iterator: Any) -> dict[str, Tensor]:
        function(iterator)
        logs: dict[str, Tensor] = model.get_metrics_result()
        return logs

    return call


def _are_several_workers() -> bool:
    strategy = tf.distribute.get_strategy()
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _all_sum(values: Any) -> Any:
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)


@tf.custom_gradient
def _with_gradient_of(share: Tensor, total: Tensor) -> Any:
    return tf.identity(total), lambda gradient: (gradient, None)
