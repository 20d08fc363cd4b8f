"""`fit`, `evaluate` and `predict`, with their data checked before a step is compiled."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from hiervae.backend import Examples
from hiervae.errors import NonFiniteLossError
from hiervae.model.adapting import AdaptingMethods
from hiervae.model.batch_order import (
    EpochClock,
    OrderedBatches,
    check_shuffle,
    in_order,
    num_ordered,
    split,
)
from hiervae.model.checked_data import CheckedDataMethods, refuse_class_weight
from hiervae.model.compile_settings import CompileSettings
from hiervae.model.fit_callbacks import (
    NonFiniteGuard,
    StepCount,
    TrainableGuard,
    refuse_controllers,
    single_callbacks,
)
from hiervae.model.fit_plan import FitPlan
from hiervae.model.frozen import layers_of
from hiervae.model.inputs import training_share, validation_parts
from hiervae.model.iterators import enough_batches
from hiervae.model.running import running
from hiervae.model.sources import take_examples
from hiervae.utils.batching import filled_up
from hiervae.utils.validation import check_natural, check_positive_int, check_positive_ints

KERAS_BATCH_SIZE = 32
"""Examples of a batch where none is said, in Keras."""


class FittingMethods(CompileSettings, CheckedDataMethods, AdaptingMethods):
    """What stands between the user's call and Keras' own training loop."""

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train, as `keras.Model.fit`, with the same arguments in the same order.

        Examples come as an array, tensor or table, a `tf.data.Dataset`, a
        `keras.utils.PyDataset`, a torch `DataLoader` or a generator, whose batches are `x`, `(x,)`,
        `(x, y)` or `(x, y, sample_weight)`. Targets `y` are ignored, with a warning.
        `validation_data` is an array, a tuple `(x,)` or `(x, None, sample_weight)`, or a data set.
        The loss of a batch is the mean over its examples, weighted by `sample_weight` where that is
        given. `class_weight` is refused.

        Raises:
            DataError: if an array is empty, not finite, or of the wrong shape or range, or an
                iterator has too few batches for all epochs.
            ValueError: if the model is not compiled, or an argument cannot be used.
            NonFiniteLossError: if a term of the loss becomes NaN or infinite.
        """
        self.require_compiled("fit")
        refuse_class_weight("fit", class_weight)
        shuffle = check_shuffle(shuffle)
        check_natural("epochs", epochs)
        check_natural("initial_epoch", initial_epoch)
        check_positive_ints(
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
        )
        if not isinstance(validation_freq, list):
            check_positive_int("validation_freq", validation_freq)
        if self.built:
            self.check_trainable()
        x = enough_batches("x", x, epochs - initial_epoch, steps_per_epoch, "steps_per_epoch")
        x, y, sample_weight = self.checked_data(
            "x", x, y, sample_weight, self.expected(self.dynamic_binarisation)
        )
        training_examples = x
        tested = None
        if validation_data is not None:
            examples, targets, weights = validation_parts(validation_data)
            examples = enough_batches(
                "validation_data",
                examples,
                _num_validations(validation_freq, initial_epoch, epochs),
                validation_steps,
                "validation_steps",
            )
            parts = self.checked_data(
                "validation_data", examples, targets, weights, self.expected()
            )
            tested, parts = self._placed(*parts, training=False)
            validation_data = keras.utils.pack_x_y_sample_weight(*parts)
        elif isinstance(x, np.ndarray):
            training_examples = training_share(x, sample_weight, validation_split, self.expected())
        if self.needs_adapting():
            self.adapt(take_examples(training_examples, self.num_examples_wanted()))
        steps, clock = StepCount(), EpochClock(self.working_seed)
        trained, (x, y, sample_weight) = self._placed(x, y, sample_weight)
        if validation_split and validation_data is None:
            tested = trained
        if validation_split and validation_data is None and isinstance(x, np.ndarray):
            (x, y, sample_weight), validation_data = split((x, y, sample_weight), validation_split)
        if isinstance(x, OrderedBatches):
            x.follow(clock, shuffle=False)
        number = num_ordered(x, batch_size, steps_per_epoch, shuffle)
        if shuffle is True:
            x, shuffle = in_order(x, y, sample_weight, batch_size, steps_per_epoch, clock)
            if not shuffle:
                y = sample_weight = None
        guards = [TrainableGuard(), NonFiniteGuard()]
        plan = FitPlan(clock, steps, single_callbacks(callbacks), guards, number)
        try:
            self._fit_state = plan.state
            initial_epoch = plan.prepare(self, initial_epoch, epochs)
            validated = None if validation_data is None else validation_parts(validation_data)[0]
            test_rows = _rows_of_a_batch(
                validated, validation_batch_size or batch_size, validation_steps
            )
            with running(self, train=trained, test=tested, test_rows=test_rows):
                return super().fit(
                    x=x,
                    y=y,
                    batch_size=batch_size,
                    epochs=epochs,
                    verbose=verbose,
                    callbacks=plan.chain(self, verbose, epochs),
                    validation_split=0.0 if validation_data is not None else validation_split,
                    validation_data=validation_data,
                    shuffle=shuffle,
                    sample_weight=sample_weight,
                    initial_epoch=initial_epoch,
                    steps_per_epoch=steps_per_epoch,
                    validation_steps=validation_steps,
                    validation_batch_size=validation_batch_size,
                    validation_freq=validation_freq,
                )
        finally:
            steps.put_back()
            self.control.detach()
            try:
                plan.close()
            finally:
                self._fit_state = None

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return metrics at beta = 1, as `keras.Model.evaluate`, from the same noise at every call.

        Examples come as in `fit`; targets are ignored, with a warning.

        Raises:
            DataError: if an array is empty, not finite, or of the wrong shape or range.
            ValueError: if a BetaController is among the callbacks, or an argument cannot be used.
            NonFiniteLossError: if the loss is NaN or infinite.
        """
        self.require_compiled("evaluate")
        feeds: dict[str, Any] = {}
        if not kwargs.get("_use_cached_eval_dataset", False):
            refuse_controllers("evaluate", callbacks)
            check_positive_ints(batch_size=batch_size, steps=steps)
            x, y, sample_weight = self.checked_data("x", x, y, sample_weight, self.expected())
            feeds = {"test": None, "test_rows": _rows_of_a_batch(x, batch_size, steps)}
        with self.generator_kept():
            self.reset_generator(self.seed or 0, "test steps")
            with running(self, copy=True, **feeds):
                logs = super().evaluate(
                    x=x,
                    y=y,
                    batch_size=batch_size,
                    verbose=verbose,
                    sample_weight=sample_weight,
                    steps=steps,
                    callbacks=callbacks,
                    return_dict=True,
                    **kwargs,
                )
        if not np.isfinite(logs["loss"]):
            terms = ", ".join(self.step_metrics.non_finite_terms())
            raise NonFiniteLossError(
                f"The loss is {logs['loss']} in evaluation; the term that went bad: {terms}. "
                "Check that the data is finite and in the range of the likelihood."
            )
        return logs if return_dict else [logs[name] for name in self.metrics_names]

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Return reconstruction means (n, *event_shape), as `keras.Model.predict`.

        The means are decoded from the posterior means of examples (n, *event_shape), which come as
        in `fit`.

        Raises:
            DataError: if an array is empty, not finite, of the wrong shape or out of range.
            ValueError: if a BetaController is among the callbacks, or `batch_size` or `steps` is
                wrong.
        """
        refuse_controllers("predict", callbacks)
        check_positive_ints(batch_size=batch_size, steps=steps)
        expected = self.expected(require_support=False)
        x, _, _ = self.checked_data("x", x, None, None, expected, may_warn=False)
        count = len(x) if isinstance(x, np.ndarray) and steps is None else None
        if count is not None:
            x = filled_up(x, batch_size or KERAS_BATCH_SIZE)
        with running(self, copy=True):
            means = super().predict(
                x, batch_size=batch_size, verbose=verbose, steps=steps, callbacks=callbacks
            )
        return means[:count]

    def _placed(
        self, x: Any, y: Any, weights: Any, training: bool = True
    ) -> tuple[Examples | None, tuple[Any, Any, Any]]:
        """Examples that stay on the device, and what Keras is to make batches of: their rows."""
        complete = all(layer.built for layer in layers_of(self))  # else Keras has to see examples
        placed = None
        if complete and isinstance(x, np.ndarray):
            placed = self.placed(x, weights, training)
        if placed is None:
            return None, (x, y, weights)
        return placed, (np.arange(len(x), dtype="int32"), None, None)


def _rows_of_a_batch(x: Any, batch_size: int | None, steps: int | None) -> int | None:
    """Rows of a whole batch that Keras makes of an array; None where the first batch tells."""
    if not isinstance(x, np.ndarray) or (steps and batch_size is None):
        return None
    return batch_size or KERAS_BATCH_SIZE


def _num_validations(freq: int | list[int], initial_epoch: int, epochs: int) -> int:
    """After how many epochs Keras validates: every `freq`-th, or those listed, from 1."""
    done = range(initial_epoch + 1, epochs + 1)
    return sum(n in freq if isinstance(freq, list) else n % freq == 0 for n in done)
