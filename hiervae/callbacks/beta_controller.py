"""The callback that steers beta."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import keras

from hiervae import registry
from hiervae.model.control import check_beta
from hiervae.schedulers.base import Scheduler
from hiervae.utils.validation import check_finite_number


class BetaController(keras.callbacks.Callback):
    """Install a beta scheduler for a `fit`.

    The rule runs inside the compiled step and its state is part of the model's weights, so a
    second `fit`, or one after `save` and `load_model`, with the same rule goes on where it was.
    Without a controller beta is 1. `beta`, `constraint` and `phase` are in the logs.

    Args:
        scheduler: a name, a config, a class or an instance: "constant", "linear_warmup", "geco",
            "rewo" or a plugin's.
        resume: go on from the state of an earlier `fit` with the same rule, its count of steps and
            epochs included; False starts anew, as another rule always does.
        **options: the scheduler's arguments, where it is given by name.

    Raises:
        RegistryError: if there is no such scheduler.
        ValueError: if an option is wrong.

    Example:
        >>> controller = BetaController("rewo", kappa=0.3, nu=1.0, tau=3.0)
    """

    def __init__(self, scheduler: Any, resume: bool = True, **options: Any) -> None:
        super().__init__()
        if options:
            if not isinstance(scheduler, str):
                raise ValueError(
                    f"Received the options {sorted(options)} beside {scheduler!r}: expected them "
                    "only beside a name. Put them into the config or the scheduler itself."
                )
            scheduler = {"name": scheduler, **options}
        self.scheduler = registry.create("hiervae.schedulers", scheduler, Scheduler)
        self.resume = resume

    def set_model(self, model: Any) -> None:
        """Install the scheduler, before the training step is compiled.

        Raises:
            ValueError: if the model has no control state, or another rule is at work.
        """
        super().set_model(model)
        if not hasattr(model, "control"):
            raise ValueError(
                f"BetaController was given to a {type(model).__name__}; expected a "
                "hiervae.HierarchicalVAE."
            )
        model.control.install(self.scheduler, self.resume)

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin anew where a saved training was taken up that another rule had steered."""
        control = self.model.control
        if control.is_of(self.scheduler):
            return
        warnings.warn(
            "The training that is taken up had another beta scheduler than the given "
            f"{type(self.scheduler).__name__}, or one with other options, so this one begins anew. "
            "Give the same as before to go on with its beta.",
            UserWarning,
            stacklevel=2,
        )
        control.begin(self.scheduler)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Count the rule's epochs."""
        self.model.control.count_epoch()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Let the rule decide in Python, from the epoch's logs.

        Raises:
            ValueError: if the rule has set beta below 0 without `allows_negative_beta`, or what it
                decides does not fit its state.
        """
        check_beta(self.scheduler, self.model.control.logged()["beta"])
        if type(self.scheduler).on_epoch_end is Scheduler.on_epoch_end:
            return
        control = self.model.control
        state = control.read()
        decided = self.scheduler.on_epoch_end(dict(state), dict(logs or {}))
        if not isinstance(decided, Mapping) or decided.keys() != state.keys():
            received = sorted(decided) if isinstance(decided, Mapping) else decided
            raise ValueError(
                f"{type(self.scheduler).__name__}.on_epoch_end returned the keys "
                f"{received}; expected {sorted(state)}."
            )
        for key, value in decided.items():
            check_finite_number(f"{type(self.scheduler).__name__}.on_epoch_end()[{key!r}]", value)
        check_beta(self.scheduler, decided["beta"])
        control.write(decided)
