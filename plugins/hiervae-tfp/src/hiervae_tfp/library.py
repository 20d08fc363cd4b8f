"""TensorFlow Probability: imported at the first use, and never on another backend."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import keras
from hiervae.types import Tensor
from keras import ops

WITHOUT_ARGUMENTS = ("args", "kwargs")

REFUSED_ARGUMENTS = ("self", "name", "dtype", "parameters")
"""Arguments that a config does not give: all is float32, and names come from the config."""

UNSUITABLE = (
    "AutoCompositeTensorBijector",
    "AutoCompositeTensorDistribution",
    "BatchNormalization",
    "Bijector",
    "Distribution",
    "FFJORD",
    "Glow",
    "Inline",
    "PixelCNN",
)
"""Classes that make variables of their own, take functions alone, or are abstract."""


@cache
def probability() -> Any:
    """Return the module `tensorflow_probability`.

    Raises:
        ValueError: if Keras runs on another backend.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"hiervae-tfp needs the TensorFlow backend, and this process runs on {backend!r}; set "
            "KERAS_BACKEND=tensorflow before Python starts."
        )
    import tensorflow_probability

    return tensorflow_probability


def tensorflow() -> Any:
    """Return the module `tensorflow`."""
    import tensorflow

    return tensorflow


@cache
def classes(kind: str) -> dict[str, type]:
    """Return the classes that a config may name, by name.

    Args:
        kind: "tfd" for distributions or "tfb" for bijectors.
    """
    tfp = probability()
    module = tfp.distributions if kind == "tfd" else tfp.bijectors
    base = tfp.distributions.Distribution if kind == "tfd" else tfp.bijectors.Bijector
    found = {name: getattr(module, name) for name in dir(module) if name[0] != "_"}
    return {
        name: each
        for name, each in found.items()
        if isinstance(each, type)
        and issubclass(each, base)
        and name not in UNSUITABLE
        and not name.startswith("JointDistribution")
    }


@cache
def arguments(part_class: type) -> dict[str, bool]:
    """Return the arguments that a class of TensorFlow Probability takes, and whether it needs them.

    Some classes are wrapped, so that only a base class tells.
    """
    for owner in part_class.__mro__:
        if "__init__" not in vars(owner):
            continue
        parameters = inspect.signature(owner.__init__).parameters.values()
        if {each.name for each in parameters} - {"self", *WITHOUT_ARGUMENTS}:
            return {
                each.name: each.default is each.empty
                for each in parameters
                if each.name not in (*REFUSED_ARGUMENTS, *WITHOUT_ARGUMENTS)
            }
    return {}


def seed_words(seed: Any) -> Tensor:
    """Return the two words, int32, of a stateless draw from a seed as hiervae passes it."""
    generator = keras.random.SeedGenerator() if seed is None else seed
    return ops.cast(generator.next(), "int32")
