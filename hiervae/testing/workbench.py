"""A small model around the part under check, arrays for it, and checks that all kinds share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from hiervae.model import HierarchicalVAE
from hiervae.testing.check import LATE_STATE, Array, Check, late_state
from hiervae.testing.subject import Subject

SMALL_NETWORK = {"name": "mlp", "hidden_units": (8,)}
EVENT_SHAPE = (4,)
HALF = "mixed_float16"
ROWS = 6

AS_BUILT = "weights as built"


def small_model(event_shape: tuple[int, ...] = EVENT_SHAPE, **arguments: Any) -> HierarchicalVAE:
    """Return a built model of small parts beside those given; all have the examples they want."""
    arguments = {"latent_dims": (2,), "network": SMALL_NETWORK, "seed": 0, **arguments}
    model = HierarchicalVAE(**arguments)
    model.build((None, *event_shape))
    for part in (model.inference, model.prior, model.likelihood):
        if part.num_examples_wanted:
            part.adapt(binary_examples(part.num_examples_wanted, event_shape))
    return model


def generator(seed: int = 1) -> keras.random.SeedGenerator:
    """Return a generator of draws at its start."""
    return keras.random.SeedGenerator(seed)


def tensor(array: Any) -> Any:
    """Return a float32 tensor."""
    return keras.ops.convert_to_tensor(np.asarray(array), dtype="float32")


def numpy(value: Any) -> Array:
    """Return a NumPy array."""
    return np.asarray(keras.ops.convert_to_numpy(value))


def normal_array(*shape: int, seed: int = 3, scale: float = 1.0) -> Array:
    """Return normal noise, float32, the same on every backend."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    return (scale * noise).astype("float32")


def features(model: HierarchicalVAE, rows: int = ROWS, scale: float = 1.0) -> Array:
    """Return decoder features of different rows."""
    return normal_array(rows, *model.inference.features_shape, scale=scale)


def binary_examples(count: int, event_shape: tuple[int, ...]) -> Array:
    """Return zeros and ones, float32."""
    uniform = np.random.default_rng(4).random((count, *event_shape))
    return (uniform < 0.5).astype("float32")


def accepted_models(subject: Subject, *alternatives: list[dict[str, Any]]) -> list[HierarchicalVAE]:
    """Return the models that their parts do not refuse with a ValueError.

    Args:
        subject: the part under check.
        *alternatives: lists of settings; a list is tried where all of the ones before are refused.

    Raises:
        ConformanceError: if a model fails otherwise, or all are refused.
    """
    models: list[HierarchicalVAE] = []
    refusal: ValueError | None = None
    fix = "Create all weights in build(); refuse with a ValueError what the part is not made for."
    with subject.check("build", fix, fix_suits_exceptions=True) as check:
        for settings in alternatives:
            for arguments in settings:
                try:
                    models.append(small_model(**arguments))
                except ValueError as error:
                    if LATE_STATE in str(error):
                        raise
                    refusal = error
            if models:
                return models
        check.require(False, f"a refusal of every model tried, the last being {refusal}", "none")
    return models


def standardize(weights: list[Any]) -> None:
    """Give kernels normal entries of variance 1 / fan-in, the same on every backend.

    Many parts start near a standard normal, where faults do not show; this is away from there
    without being extreme.
    """
    generator = np.random.default_rng(2)
    for weight in weights:
        shape = tuple(weight.shape)
        if len(shape) > 1:
            weight.assign(generator.standard_normal(shape) / np.sqrt(np.prod(shape[:-1])))


def settings(weights: list[Any]) -> Iterator[str]:
    """Yield the name of each setting of some weights while they have it; then put them back.

    A part starts where much is zero or one, and where a fault such as a missing square does not
    show. The noise is strongly correlated along the last axis, so that the dimensions of whatever
    the weights describe become dependent.
    """
    values = [np.asarray(keras.ops.convert_to_numpy(weight)) for weight in weights]
    yield AS_BUILT
    if not weights:
        return
    generator = np.random.default_rng(2)
    for name, by_fan_in in (("kernels moved", True), ("weights moved", False)):
        for weight, value in zip(weights, values, strict=True):
            fan_in = np.prod(value.shape[:-1]) if by_fan_in else 1.0
            shared = generator.standard_normal((*value.shape[:-1], 1)[: value.ndim])
            own = generator.standard_normal(value.shape)
            weight.assign(value + (1.2 * shared + 0.4 * own) / np.sqrt(fan_in))
        yield name
    for weight, value in zip(weights, values, strict=True):
        weight.assign(value)


@contextmanager
def without_new_state(subject: Subject, layer: Any, use: str) -> Iterator[None]:
    """Check that what is done to a built layer within the context gives it no new weights.

    Args:
        subject: the part under check.
        layer: the part, or a layer that it made.
        use: what is done, for the message: "the new weights ... after {use}".

    Raises:
        ConformanceError: of the check "state", if there are new weights.
    """
    names = [variable.path for variable in layer.variables]
    yield
    late = [variable.path for variable in layer.variables if variable.path not in names]
    if late:
        raise late_state(subject.part, f"the new weights {late} after {use}")


def check_seeds(check: Check, draw: Callable[[Any], Sequence[Array]]) -> None:
    """Check that `draw(generator)`, which returns arrays, depends on the generator alone."""
    source = generator()
    first, later = draw(source), draw(source)
    again, other = draw(generator()), draw(generator(2))
    for index, array in enumerate(first):
        check.require(
            (array == again[index]).all(), "different draws from the same seed", "the same draws"
        )
        check.require(
            (array != other[index]).any(), "the same draws from different seeds", "different draws"
        )
        check.require(
            (array != later[index]).any(), "the same draws twice from one generator", "new draws"
        )
