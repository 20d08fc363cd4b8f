"""Settings of a model that are given to its constructor, and cannot be set later."""

from __future__ import annotations

from typing import Any

from hiervae.model.core import MODEL_ROLES, ModelCore
from hiervae.model.objective import Objective

_OBJECTIVE = frozenset(Objective().get_config())
_COMPOSITION = {*(role.name for role in MODEL_ROLES), "latent_dims", "dynamic_binarisation", "seed"}


class FixedSettings(ModelCore):
    """Refuses attributes that would change nothing, or what the model is composed of."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OBJECTIVE:
            raise AttributeError(
                f"{name}={value!r} was set on the model, where it would change nothing; expected "
                f"`model.set_objective({name}={value!r})`, then `compile` or `fit`."
            )
        if "event_shape" in vars(self) and name in _COMPOSITION:
            raise AttributeError(
                f"{name} was set on a model that is composed already, where it cannot take effect; "
                "expected it in the constructor. Make a new model with it."
            )
        super().__setattr__(name, value)
