"""The models and steps that every backend must agree on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from hiervae.callbacks import BetaController
from tests.support.models import binary_data, compiled, small_model, vhp
from tests.support.noise import same_noise_everywhere

FIXTURES = Path(__file__).parent / "fixtures"
REFERENCE = FIXTURES / "training_steps.npz"
BACKENDS = ("jax", "tensorflow", "torch")
X = binary_data(16)
RULE = {"nu": 0.5, "beta": 0.1, "normalised": False}

SCHEDULERS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "constant": {"name": "constant", "beta": 0.5},
    "linear_warmup": {"name": "linear_warmup", "steps": 4, "start": 0.1},
    "geco": {"name": "geco", "kappa": 0.7, "nu": 0.5, "normalised": False},
    "rewo_initial": {"name": "rewo", "kappa": 0.1, **RULE},
    "rewo_main": {"name": "rewo", "kappa": 2.0, **RULE},
}
OPTIMIZERS = {
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    # Adam divides by the gradient's size: a larger epsilon keeps rounding from being magnified.
    "adamw": lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.1, epsilon=1e-3),
}


def model_for_parity(optimizer: str = "adamw", steps_per_execution: int = 1) -> Any:
    """A two-level model with a hierarchical prior; its weights are NumPy's, not the backend's."""
    model = compiled(
        small_model(latent_dims=(3, 2), prior=vhp()),
        OPTIMIZERS[optimizer](),
        steps_per_execution=steps_per_execution,
    )
    model.build((None, X.shape[1]))
    rng = np.random.default_rng(7)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0.0, 0.3, weight.shape).astype("float32"))
    return model


def one_step(scheduler: str, optimizer: str) -> tuple[float, list[np.ndarray[Any, Any]]]:
    """The loss of one training step and all weights after it."""
    model, rule = model_for_parity(optimizer), SCHEDULERS[scheduler]
    callbacks = [] if rule is None else [BetaController(rule)]
    with same_noise_everywhere():
        history = model.fit(
            X, batch_size=len(X), shuffle=False, epochs=1, verbose=0, callbacks=callbacks
        )
    weights = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    return history.history["loss"][0], weights


def saved_file(backend: str) -> Path:
    """The model that `backend` saved."""
    return FIXTURES / f"saved_by_{backend}.keras"


def elbo_of(model: Any) -> np.ndarray[Any, Any]:
    """The model's ELBO with the same noise everywhere, shape (n,)."""
    with same_noise_everywhere():
        return model.elbo(X, num_samples=3, batch_size=len(X))
