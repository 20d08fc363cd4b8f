"""How a model is compiled, and in what form that is saved."""

from __future__ import annotations

from typing import Any

import keras

import hiervae.optimizers  # noqa: F401 (registers them with Keras, for loading a model)
from hiervae import backend
from hiervae.model.core import ModelCore
from hiervae.model.metrics import CONTROL_NAMES
from hiervae.types import Config
from hiervae.utils.validation import check_bool, check_positive_int


class CompileSettings(ModelCore):
    """`compile` as Keras has it, and the settings it was given."""

    _requested_jit_compile: Any = "auto"

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate`, `train_on_batch` and `test_on_batch` return as a list."""
        return ["loss", *sorted({*self.step_metrics.names, *CONTROL_NAMES} - {"loss"})]

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Configure training; the loss is the model's own bound.

        Args:
            optimizer: a Keras optimiser or its name.
            loss: refused, as are `loss_weights`, `metrics` and `weighted_metrics`, because the
                objective and its metrics are the model's own.
            loss_weights: see `loss`.
            metrics: see `loss`.
            weighted_metrics: see `loss`.
            run_eagerly: run steps uncompiled, for debugging.
            steps_per_execution: steps run by one call of the compiled function.
            jit_compile: compile with XLA (or `torch.compile`); "auto" lets Keras decide.
            auto_scale_loss: scale the loss under a float16 policy.

        Raises:
            ValueError: if a loss or metrics are given, or a setting is wrong.
        """
        given = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
        }
        refused = ", ".join(
            f"{name}={value!r}" for name, value in given.items() if value is not None
        )
        if refused:
            raise ValueError(
                f"compile() received {refused}: the objective and its metrics are the model's own. "
                "Leave it out; choose the objective by `bound`, `num_samples` and a "
                "BetaController, and measure anything else in a callback."
            )
        if optimizer is None:
            raise ValueError("optimizer=None: expected a Keras optimiser or its name, as 'adam'.")
        check_bool("run_eagerly", run_eagerly)
        check_bool("auto_scale_loss", auto_scale_loss)
        if jit_compile != "auto":
            check_bool("jit_compile", jit_compile)
        check_positive_int("steps_per_execution", steps_per_execution)
        if steps_per_execution > backend.MAX_STEPS_PER_EXECUTION:
            raise ValueError(
                f"steps_per_execution={steps_per_execution}: the {keras.backend.backend()} backend "
                f"runs at most {backend.MAX_STEPS_PER_EXECUTION} in one call. Leave it at that, or "
                "choose the JAX or TensorFlow backend."
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

    def require_compiled(self, what: str) -> None:
        """Refuse to go on without an optimiser.

        Raises:
            ValueError: if the model is not compiled; the message calls `what` the culprit.
        """
        if not self.compiled:
            raise ValueError(
                f"{what}() was called on a model without an optimiser; expected "
                "`model.compile(optimizer)` before."
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
