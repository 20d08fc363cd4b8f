"""What is asked of the settings that a preset's function returns."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hiervae.errors import IncompatiblePluginError
from hiervae.model import HierarchicalVAE
from hiervae.model.core import MODEL_ROLES
from hiervae.presets.preset import Preset
from hiervae.registry.entries import did_you_mean
from hiervae.registry.explanations import reason, received
from hiervae.registry.roles import ROLES, Role
from hiervae.types import Config
from hiervae.utils.validation import check_optional_positive_int, check_positive_int

TRAINING = (
    "epochs",
    "batch_size",
    "early_stopping_patience",
    "learning_rate_decay",
    "initial_weights",
    "steps_per_execution",
    "checkpoint_every",
    "checkpoint_every_steps",
    "keep_checkpoints",
)
"""Settings of a training; all but the first three are for runs alone."""

_MODEL = (
    *(
        name
        for name in inspect.signature(HierarchicalVAE.__init__).parameters
        if name not in ("self", "seed", "kwargs")
    ),
    "name",
    "dtype",
    "trainable",
)
_OPTIMIZER = (
    "class_name",
    "config",
    "module",
    "registered_name",
    "build_config",
    "compile_config",
    "shared_object_id",
)
"""What Keras writes of an optimiser."""

_MEND = "Mend the plugin, or install a version of it that is mended."


def completed(what: str, preset: Preset) -> Preset:
    """Return a preset with settings of its own, once they were found fit for a model.

    What may be left out is filled in: the optimiser's options, and early stopping, which is none.

    Args:
        what: the preset with its origin, for messages.
        preset: what the preset's function returned.

    Raises:
        IncompatiblePluginError: if a setting is unknown, missing or of a wrong form; options of
            the parts are left to their constructors.
    """
    try:
        preset = copy.deepcopy(preset)
    except Exception as error:
        raise IncompatiblePluginError(
            f"{what} has settings that cannot be copied ({reason(error)}). Expected numbers, "
            f"strings, lists and dicts. {_MEND}"
        ) from error
    _check_model(what, _section(what, "model", preset.model, _MODEL))
    given: object = preset.optimizer
    if isinstance(given, str):
        given = {"class_name": given}
    optimizer = {"config": {}, **_section(what, "optimizer", given, _OPTIMIZER)}
    _check_optimizer(what, optimizer)
    if preset.scheduler is not None:
        _check_part(what, "scheduler", preset.scheduler, ROLES["scheduler"])
    training = {
        "early_stopping_patience": None,
        **_section(what, "training", preset.training, TRAINING),
    }
    _check_training(what, training)
    return replace(preset, optimizer=optimizer, training=training)


def _section(what: str, name: str, settings: object, known: tuple[str, ...]) -> Config:
    """Return a section of the settings, unless it is none or holds unknown ones."""
    if not isinstance(settings, Mapping):
        raise IncompatiblePluginError(
            f"{what} has {name}={received(settings)}. Expected a dict of settings. {_MEND}"
        )
    unknown = [key for key in settings if key not in known]
    if not unknown:
        return dict(settings)
    nearest = "".join(did_you_mean(str(key), known) for key in unknown)
    advice = ""
    if name == "optimizer":
        advice = " The optimiser's own options belong into its config."
    elif unknown == ["seed"]:
        advice = " The seed is chosen by whoever builds the model."
    raise IncompatiblePluginError(
        f"{what} has in {name} the unknown {', '.join(map(repr, unknown))}. Expected some of "
        f"{', '.join(known)}.{nearest}{advice} {_MEND}"
    )


def _check_model(what: str, model: Config) -> None:
    if "latent_dims" not in model:
        raise IncompatiblePluginError(
            f"{what} has no latent_dims in model, which holds {', '.join(model) or 'nothing'}. "
            f"Expected the sizes of the latents, such as (32,). {_MEND}"
        )
    for role in MODEL_ROLES:
        if role.name in model:
            _check_part(what, f"model[{role.name!r}]", model[role.name], role)


def _check_part(what: str, where: str, part: Any, role: Role) -> None:
    """Refuse what stands for no part; whether there is such a part is told when it is made."""
    name = part.get("name") if isinstance(part, Mapping) else part
    if isinstance(name, str) and name:
        return
    base = role.base_class()
    if isinstance(part, base) or (isinstance(part, type) and issubclass(part, base)):
        return
    otherwise = ", or None for beta = 1" if role.name == "scheduler" else ""
    raise IncompatiblePluginError(
        f"{what} has {where}={received(part)}. Expected the name of a {role.label} or a dict "
        f'{{"name": ..., **options}}{otherwise}. {_MEND}'
    )


def _check_optimizer(what: str, optimizer: Config) -> None:
    class_name, config = optimizer.get("class_name"), optimizer["config"]
    if not isinstance(class_name, str) or not isinstance(config, Mapping):
        raise IncompatiblePluginError(
            f"{what} has optimizer={received(optimizer)}. Expected a serialised Keras optimiser, "
            f'such as {{"class_name": "Adam", "config": {{"learning_rate": 0.001}}}}. {_MEND}'
        )


def _check_training(what: str, training: Config) -> None:
    missing = [name for name in ("epochs", "batch_size") if name not in training]
    if missing:
        raise IncompatiblePluginError(
            f"{what} has no {' and no '.join(missing)} in training. Expected positive integers. "
            f"{_MEND}"
        )
    try:
        check_positive_int("epochs", training["epochs"])
        check_positive_int("batch_size", training["batch_size"])
        check_optional_positive_int("early_stopping_patience", training["early_stopping_patience"])
    except ValueError as error:
        raise IncompatiblePluginError(f"{what} has in training {error} {_MEND}") from error
