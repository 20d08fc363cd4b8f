"""A small model around the part under check."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from hiervae.model import HierarchicalVAE
from hiervae.testing.check import LATE_STATE, Array
from hiervae.testing.subject import Subject

SMALL_NETWORK = {"name": "mlp", "hidden_units": (8,)}
EVENT_SHAPE = (4,)
HALF = "mixed_float16"


def small_model(event_shape: tuple[int, ...] = EVENT_SHAPE, **arguments: Any) -> HierarchicalVAE:
    """A built model of small parts, except for those given, which have the examples they want."""
    arguments = {"latent_dims": (2,), "network": SMALL_NETWORK, "seed": 0, **arguments}
    model = HierarchicalVAE(**arguments)
    model.build((None, *event_shape))
    for part in (model.inference, model.prior, model.likelihood):
        if part.num_examples_wanted:
            part.adapt(binary_examples(part.num_examples_wanted, event_shape))
    return model


def generator(seed: int = 1) -> keras.random.SeedGenerator:
    """A generator of draws at its start."""
    return keras.random.SeedGenerator(seed)


def tensor(array: Any) -> Any:
    """A float32 tensor."""
    return keras.ops.convert_to_tensor(np.asarray(array), dtype="float32")


def numpy(value: Any) -> Array:
    """A NumPy array."""
    return np.asarray(keras.ops.convert_to_numpy(value))


def normal_array(*shape: int, seed: int = 3, scale: float = 1.0) -> Array:
    """Normal noise, float32, the same on every backend."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    return (scale * noise).astype("float32")


def binary_examples(count: int, event_shape: tuple[int, ...]) -> Array:
    """Zeros and ones, float32."""
    uniform = np.random.default_rng(4).random((count, *event_shape))
    return (uniform < 0.5).astype("float32")


def accepted_models(subject: Subject, *alternatives: list[dict[str, Any]]) -> list[HierarchicalVAE]:
    """The models that their parts do not refuse with a ValueError.

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
