"""Weights of a trained model that another training begins from."""

from __future__ import annotations

from pathlib import Path

import keras

from hiervae.errors import HiervaeError
from hiervae.model import HierarchicalVAE
from hiervae.part import Part
from hiervae.runs.folder import RunFolder
from hiervae.runs.model_file import load_model


def take_weights(model: HierarchicalVAE, source: Path) -> None:
    """Give all parts of a model the weights of a trained one, to fine-tune them.

    Scheduler, optimiser, noise and the count of steps begin anew; parts that are initialised from
    examples are not initialised again.

    Args:
        model: a built model with parts of the same classes and shapes. Its bound, its numbers of
            samples and its free bits may be others.
        source: a run folder, or a `.keras` file.

    Raises:
        ValueError: if the weights do not fit the model.
        HiervaeError: if there is no such run or file, or its training is not finished.
        DamagedFileError: if the file cannot be read.
        RegistryError: if a plugin of the trained model is not installed.
    """
    trained = _load(source)
    for part, other in zip(model.parts, trained.parts, strict=True):
        if difference := _difference(part, other):
            raise ValueError(
                f"The weights of {source} do not fit the model: {difference}. Expected the same "
                "parts with the same sizes: begin with that run's config.json, by --config, and "
                "change the bound, the numbers of samples, the scheduler or the optimiser alone."
            )
    pairs = zip(_numbers(*model.parts), _numbers(*trained.parts), strict=True)
    for weight, value in pairs:
        weight.assign(keras.ops.convert_to_numpy(value))
    model.control.adapted.assign(1)


def require_weights(source: Path) -> None:
    """Refuse what holds no trained model, without loading one.

    Args:
        source: a run folder, or a `.keras` file.

    Raises:
        HiervaeError: if there is no such run or file, or its training is not finished.
        DamagedFileError: if the run's `config.json` is damaged.
    """
    if source.suffix == ".keras":
        if not source.is_file():
            raise HiervaeError(
                f"{source} does not exist; expected a run folder, or a .keras file, that the "
                "training is to begin from."
            )
        return
    folder = RunFolder(source)
    folder.read_config()  # says what is no run folder
    folder.require_model()


def _load(source: Path) -> HierarchicalVAE:
    require_weights(source)
    return load_model(source) if source.suffix == ".keras" else RunFolder(source).load_model()


def _numbers(*parts: Part) -> list[keras.Variable]:
    """The weights and moving averages of parts, without the states of their random generators."""
    variables = [weight for part in parts for weight in part.variables]
    return [weight for weight in variables if "float" in str(weight.dtype)]


def _difference(part: Part, other: Part) -> str | None:
    """What keeps `part` from taking the weights of `other`."""
    if type(part) is not type(other):
        return f"it has a {type(part).__name__} where they are of a {type(other).__name__}"
    own, found = _numbers(part), _numbers(other)
    for weight, value in zip(own, found, strict=False):
        if weight.shape != value.shape:
            return f"{weight.path} has shape {weight.shape}, and there {value.shape}"
    if len(own) != len(found):
        return f"its {type(part).__name__} has {len(own)} weights, and there {len(found)}"
    return None
