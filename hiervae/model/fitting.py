"""`fit`, `evaluate` and `predict`, with their data checked before a step is compiled."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np

from hiervae.backend import Examples
from hiervae.errors import NonFiniteLossError
from hiervae.model.batch_order import (
    EpochClock,
    OrderedBatches,
    in_order,
    num_ordered,
    split,
)
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
from hiervae.model.inputs import (
    Expected,
    check_array,
    check_weights,
    training_share,
    validation_parts,
)
from hiervae.model.metrics import CONTROL_NAMES
from hiervae.model.running import running
from hiervae.model.sources import BatchCheck, checked_source, take_examples
from hiervae.utils.arrays import as_array, require_array
from hiervae.utils.validation import check_positive_int


class FittingMethods(CompileSettings):
    """What stands between the user's call and Keras' own training loop."""

    _warnings_given: frozenset[str] = frozenset()

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
        shuffle: bool = True,
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
            DataError: if an array is empty, not finite, or of the wrong shape or range.
            ValueError: if the model is not compiled, or an argument cannot be used.
            NonFiniteLossError: if a term of the loss becomes NaN or infinite.
        """
        self.require_compiled("fit")
        _refuse_class_weight("fit", class_weight)
        if batch_size is not None:
            check_positive_int("batch_size", batch_size)
        if not self.trainable_variables and self.built:
            raise ValueError(
                "fit() received a model none of whose weights is trainable; expected some. Set "
                "`trainable = True` on the model or a part of it, and call `compile` again."
            )
        if self.built:
            self.check_trainable()
        x, y, sample_weight = self._checked(
            "x", x, y, sample_weight, self.expected(self.dynamic_binarisation)
        )
        training_examples = x
        tested = None
        if validation_data is not None:
            parts = self._checked(
                "validation_data", *validation_parts(validation_data), self.expected()
            )
            tested, parts = self._placed(*parts)
            validation_data = keras.utils.pack_x_y_sample_weight(*parts)
        elif isinstance(x, np.ndarray):
            training_examples = training_share(x, validation_split, self.expected())
        if self._needs_adapting():
            self.adapt(take_examples(training_examples, self._num_examples_wanted()))
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
            with running(self, train=trained, test=tested):
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
            ValueError: if a BetaController is among the callbacks.
            NonFiniteLossError: if the loss is NaN or infinite.
        """
        self.require_compiled("evaluate")
        feeds = {}
        if not kwargs.get("_use_cached_eval_dataset", False):
            feeds = {"test": None}
            refuse_controllers("evaluate", callbacks)
            if batch_size is not None:
                check_positive_int("batch_size", batch_size)
            x, y, sample_weight = self._checked("x", x, y, sample_weight, self.expected())
        self.reset_generator(self.seed or 0)
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
            ValueError: if a BetaController is among the callbacks, or `batch_size` is wrong.
        """
        refuse_controllers("predict", callbacks)
        if batch_size is not None:
            check_positive_int("batch_size", batch_size)
        expected = self.expected(require_support=False)
        x, _, _ = self._checked("x", x, None, None, expected, may_warn=False)
        with running(self, copy=True):
            return super().predict(
                x, batch_size=batch_size, verbose=verbose, steps=steps, callbacks=callbacks
            )

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step, as `keras.Model.train_on_batch`, on an array of examples.

        The data is checked as in `fit`. Parts that are initialised from data take this batch in the
        first step of the model's life; call `adapt` before to give them more.

        Raises:
            DataError: if an array is empty, not finite, or of the wrong shape or range.
            ValueError: if the model is not compiled, or `class_weight` is given.
        """
        self.require_compiled("train_on_batch")
        _refuse_class_weight("train_on_batch", class_weight)
        expected = self.expected(self.dynamic_binarisation)
        x, y, sample_weight = self._checked_batch(x, y, sample_weight, expected)
        if self._needs_adapting():
            self.adapt(x)
        with running(self, train=None):
            return super().train_on_batch(x, y, sample_weight, return_dict=return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the metrics of one batch, as `keras.Model.test_on_batch`.

        Raises:
            DataError: if an array is empty, not finite, or of the wrong shape or range.
            ValueError: if the model is not compiled.
        """
        self.require_compiled("test_on_batch")
        x, y, sample_weight = self._checked_batch(x, y, sample_weight, self.expected())
        with running(self, copy=True, test=None):
            return super().test_on_batch(x, y, sample_weight, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the reconstruction means of one batch, as `keras.Model.predict_on_batch`.

        Raises:
            DataError: if an array is empty, not finite, of the wrong shape or out of range.
        """
        x = self.examples("x", x, require_support=False)
        with running(self, copy=True):
            return super().predict_on_batch(x)

    def adapt(self, x: Any) -> None:
        """Initialise from `x` the parts that want it (data-dependent initialisation).

        `fit` does so before the first step of a model's life, unless it was done by hand (which a
        saved model remembers). Parts that want examples are, for instance, the prior "vamp_data"
        and the likelihood bias of the IWAE protocol.

        Args:
            x: examples, shape (n, *event_shape).

        Raises:
            DataError: if there are too few of them for a part, or they cannot be used.
        """
        examples = self.examples("x", x, require_support=not self.dynamic_binarisation)
        order = np.random.default_rng(self.working_seed).permutation(len(examples))
        for part in self.parts:
            if part.num_examples_wanted:
                chosen = examples[order[: part.num_examples_wanted]]
                part.adapt(chosen.astype("float32", copy=False))
        self.control.adapted.assign(1)

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns as a list, in its order; the loss is the first."""
        return ["loss", *sorted({*self.step_metrics.names, *CONTROL_NAMES} - {"loss"})]

    def _needs_adapting(self) -> bool:
        """Whether parts want examples, and neither saw some nor were trained."""
        adapted = bool(keras.ops.convert_to_numpy(self.control.adapted))
        return self.training_step == 0 and not adapted and self._num_examples_wanted() > 0

    def _num_examples_wanted(self) -> int:
        return max(part.num_examples_wanted for part in self.parts)

    def _placed(self, x: Any, y: Any, weights: Any) -> tuple[Examples | None, tuple[Any, Any, Any]]:
        """Examples that stay on the device, and what Keras is to make batches of: their rows."""
        complete = all(layer.built for layer in layers_of(self))  # else Keras has to see examples
        placed = self.placed(x, weights) if complete and isinstance(x, np.ndarray) else None
        if placed is None:
            return None, (x, y, weights)
        return placed, (np.arange(len(x), dtype="int32"), None, None)

    def _checked(
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

    def _checked_batch(
        self, x: Any, y: Any, sample_weight: Any, expected: Expected
    ) -> tuple[Any, Any, Any]:
        """As `_checked`, for one array.

        Raises:
            DataError: if the data cannot be used.
        """
        return self._checked("x", require_array(x, "x"), y, sample_weight, expected)

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


def _refuse_class_weight(what: str, class_weight: Any) -> None:
    if class_weight is not None:
        raise ValueError(
            f"{what}() received class_weight={class_weight!r}, but the model has no classes; "
            "weigh single examples by sample_weight."
        )
