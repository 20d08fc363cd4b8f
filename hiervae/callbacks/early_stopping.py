"""Early stopping that waits for beta."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras


class EarlyStopping(keras.callbacks.EarlyStopping):
    """`keras.callbacks.EarlyStopping` that leaves out the epochs of a warm-up.

    While a beta rule is in its initial phase (`phase` is 0 in the logs), an epoch neither counts
    against the patience nor is kept as the best one, as in Tomczak & Welling (2018). Rules without
    such a phase, and models without a rule, are in the main phase from the start. A training that
    never leaves the initial phase keeps the weights of its last epoch.

    Takes the arguments of `keras.callbacks.EarlyStopping`. With `mode="auto"` it knows that a loss
    is to fall and the ELBO to rise; of any other metric Keras wants to be told, by `mode="min"` or
    `mode="max"`.

    Example:
        >>> stopping = EarlyStopping("val_loss", patience=50, restore_best_weights=True)
    """

    mode: str

    def on_train_begin(self, logs: Any = None) -> None:
        """Choose the direction of what is monitored."""
        if self.mode == "auto" and self.monitor in ("elbo", "val_elbo"):
            self.mode = "max"
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at an epoch of the main phase."""
        if in_main_phase(logs or {}):
            super().on_epoch_end(epoch, logs)


def in_main_phase(logs: Mapping[str, Any]) -> bool:
    """Whether an epoch with these logs comes after the initial phase of its beta rule, if any."""
    return float(logs.get("phase", 1.0)) > 0.0
