"""`compile`, `fit` and `evaluate`, with their data checked before a step is compiled."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import hiervae.optimizers  # noqa: F401 (registers them with Keras, for loading a model)
from hiervae import backend
from hiervae.errors import NonFiniteLossError
from hiervae.model.core import ModelCore
from hiervae.model.fit_callbacks import NonFiniteGuard, StepCount, TrainableGuard
from hiervae.model.inputs import (
    checked_data,
    checked_validation_data,
    is_array,
    take_examples,
    training_share,
)
from hiervae.model.metrics import CONTROL_NAMES
from hiervae.schedulers.base import Scheduler
from hiervae.types import Config
from hiervae.utils.validation import check_positive_int


class FittingMethods(ModelCore):
    """What stands between the user's call and Keras' own training loop."""

    _requested_jit_compile: Any = "auto"

    def compile(
        self,
        optimizer: Any = "adam",
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        **unsupported: Any,
    ) -> None:
        """Configure training; the loss is the model's own bound.

        Args:
            optimizer: a Keras optimiser or its name.
            run_eagerly: run steps uncompiled, for debugging.
            steps_per_execution: steps run by one call of the compiled function.
            jit_compile: compile with XLA (or `torch.compile`); "auto" lets Keras decide.
            auto_scale_loss: scale the loss under a float16 policy.
            **unsupported: refused, because the objective and its metrics are the model's own.

        Raises:
            ValueError: if a loss or metrics are given, or a setting is wrong.
        """
        if optimizer is None:
            raise ValueError("optimizer=None: expected a Keras optimiser or its name, as 'adam'.")
        check_positive_int("steps_per_execution", steps_per_execution)
        if steps_per_execution > backend.MAX_STEPS_PER_EXECUTION:
            raise ValueError(
                f"steps_per_execution={steps_per_execution}: the {keras.backend.backend()} backend "
                f"runs at most {backend.MAX_STEPS_PER_EXECUTION} in one call. Leave it at that, or "
                "choose the JAX or TensorFlow backend."
            )
        given = sorted(name for name, value in unsupported.items() if value is not None)
        if given:
            raise ValueError(
                f"compile() received {', '.join(given)}: the objective and its metrics are the "
                "model's own. Choose the objective by `bound`, `num_samples` and a BetaController; "
                "measure anything else in a callback."
            )
        self._requested_jit_compile = jit_compile
        super().compile(
            optimizer=optimizer,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=auto_scale_loss,
        )

    def get_compile_config(self) -> Config:
        """How the model was compiled, in a form that every backend can read."""
        config: Config = super().get_compile_config()
        if config.get("optimizer"):
            config["optimizer"] = _portable(config["optimizer"])
            config["jit_compile"] = self._requested_jit_compile  # Keras keeps its own decision
        return config

    def compile_from_config(self, config: Config) -> None:
        """Compile as a saved model was compiled, as far as this backend can."""
        config = keras.saving.deserialize_keras_object(config)
        config["steps_per_execution"] = min(
            config["steps_per_execution"], backend.MAX_STEPS_PER_EXECUTION
        )
        self.compile(**config)
        if self.built:
            self.check_trainable()

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
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Train, as `keras.Model.fit`.

        Examples come as an array, a `tf.data.Dataset`, a `keras.utils.PyDataset`, a torch
        `DataLoader` or a generator; targets are ignored. `validation_data` is an array, a tuple
        `(x,)` or `(x, None, sample_weight)`, or a data set. The loss of a batch is the mean over
        its examples, weighted by `sample_weight` where that is given.

        Raises:
            DataError: if an array is empty, not finite, or of the wrong shape or range.
            ValueError: if the model is not compiled, or an argument cannot be used.
            NonFiniteLossError: if a term of the loss becomes NaN or infinite.
        """
        self._require_compiled("fit")
        if kwargs.get("class_weight") is not None:
            raise ValueError(
                "fit() received class_weight, but the model has no classes; weigh single examples "
                "by sample_weight."
            )
        if batch_size is not None:
            check_positive_int("batch_size", batch_size)
        if not self.trainable_variables and self.built:
            raise ValueError(
                "fit() received a model none of whose weights is trainable; expected some. Set "
                "`trainable = True` on the model or a part of it, and call `compile` again."
            )
        if self.built:
            self.check_trainable()
        x, y, sample_weight = self._checked(x, y, sample_weight, self.dynamic_binarisation)
        training_examples = x
        if validation_data is not None:
            validation_data = checked_validation_data(
                validation_data, self.event_shape, self.likelihood
            )
        elif isinstance(x, np.ndarray):
            training_examples = training_share(x, validation_split, self.likelihood)
        if self.training_step == 0 and not self._adapted() and self._num_examples_wanted():
            self.adapt(take_examples(training_examples, self._num_examples_wanted()))
        steps = StepCount()
        callbacks = [steps, *_single_callbacks(callbacks), TrainableGuard(), NonFiniteGuard()]
        try:
            with backend.restore_on_error(self):
                return super().fit(
                    x=x,
                    y=y,
                    batch_size=batch_size,
                    epochs=epochs,
                    verbose=verbose,
                    callbacks=callbacks,
                    validation_split=validation_split,
                    validation_data=validation_data,
                    sample_weight=sample_weight,
                    **kwargs,
                )
        finally:
            steps.put_back()
            self.control.detach()

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Metrics at beta = 1, as `keras.Model.evaluate`; the noise is the same at every call.

        Raises:
            DataError: if an array is empty, not finite, or of the wrong shape or range.
            ValueError: if a BetaController is among the callbacks.
            NonFiniteLossError: if the loss is NaN or infinite.
        """
        self._require_compiled("evaluate")
        if not kwargs.get("_use_cached_eval_dataset", False):
            _refuse_controllers("evaluate", kwargs.get("callbacks"))
            x, y, sample_weight = self._checked(x, y, sample_weight)
        self.reset_generator(self.seed or 0)
        with backend.restore_on_error(self, copy=True):
            logs = super().evaluate(
                x=x,
                y=y,
                batch_size=batch_size,
                verbose=verbose,
                sample_weight=sample_weight,
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

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """Reconstruction means (n, *event_shape), as `keras.Model.predict`.

        The means are decoded from the posterior means of examples (n, *event_shape).

        Raises:
            DataError: if an array is empty, not finite, of the wrong shape or out of range.
            ValueError: if a BetaController is among the callbacks.
        """
        _refuse_controllers("predict", kwargs.get("callbacks"))
        if is_array(x):
            x = self.examples("x", x, require_support=False)
        with backend.restore_on_error(self, copy=True):
            return super().predict(x, **kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """One step, as `keras.Model.train_on_batch`."""
        with backend.restore_on_error(self):
            return super().train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Metrics of one batch, as `keras.Model.test_on_batch`."""
        with backend.restore_on_error(self):
            return super().test_on_batch(*args, **kwargs)

    def predict_on_batch(self, x: Any) -> Any:
        """Reconstruction means of one batch, as `keras.Model.predict_on_batch`."""
        with backend.restore_on_error(self):
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
        order = np.random.default_rng(self.seed).permutation(len(examples))
        for part in self.parts:
            if part.num_examples_wanted:
                chosen = examples[order[: part.num_examples_wanted]]
                part.adapt(chosen.astype("float32", copy=False))
        self.control.adapted.assign(1)

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns as a list, in its order; the loss is the first."""
        return ["loss", *sorted({*self.step_metrics.names, *CONTROL_NAMES} - {"loss"})]

    def _require_compiled(self, what: str) -> None:
        if not self.compiled:
            raise ValueError(
                f"{what}() was called on a model without an optimiser; expected "
                "`model.compile(optimizer)` before."
            )

    def _adapted(self) -> bool:
        return bool(keras.ops.convert_to_numpy(self.control.adapted))

    def _num_examples_wanted(self) -> int:
        return max(part.num_examples_wanted for part in self.parts)

    def _checked(
        self, x: Any, y: Any, sample_weight: Any, binarised: bool = False
    ) -> tuple[Any, Any, Any]:
        """Data for Keras; the model is built for its shape where it is an array."""
        x, y, sample_weight = checked_data(
            "x", x, y, sample_weight, self.event_shape, self.likelihood, binarised
        )
        if isinstance(x, np.ndarray):
            self.build_for(x)
        return x, y, sample_weight


def _single_callbacks(callbacks: Any) -> list[Any]:
    """The callbacks that Keras takes as one, several or a container of them."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    several = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    return [callback for callback in several if callback is not None]


def _refuse_controllers(what: str, callbacks: Any) -> None:
    for callback in _single_callbacks(callbacks):
        if isinstance(getattr(callback, "scheduler", None), Scheduler):
            raise ValueError(
                f"{what}() received a {type(callback).__name__}, but is at beta = 1; expected it "
                "among the callbacks of `fit` alone. Leave it out."
            )


def _portable(optimizer: Config) -> Config:
    """An optimiser's config under its public name.

    On torch Keras replaces its optimisers by classes of that backend, and would save those.
    """
    config = dict(optimizer["config"])
    if isinstance(config.get("inner_optimizer"), dict):
        config["inner_optimizer"] = _portable(config["inner_optimizer"])
    name = optimizer["class_name"]
    if not hasattr(keras.optimizers, name) or not optimizer["module"].startswith("keras."):
        return {**optimizer, "config": config}
    return {
        "module": "keras.optimizers",
        "class_name": name,
        "config": config,
        "registered_name": None,
    }
