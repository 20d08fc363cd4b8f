"""Which layers of a model are frozen: carried into layers made later, and into its config."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import keras

from hiervae.types import Config

WHOLE_MODEL = "model"
"""The key of a record that stands for the model itself, beside the roles of its parts."""


def layers_of(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """`layer` and all layers below it, a layer before those it holds; always in the same order."""
    layers: list[keras.layers.Layer] = layer._flatten_layers()
    return layers


def mark_built(model: keras.Model) -> None:
    """Mark layers without anything to build, which Keras would trace the model for to build them.

    Args:
        model: the model, after its weights were made.
    """
    for layer in layers_of(model):
        if type(layer).build is keras.layers.Layer.build:
            layer.built = True


def check_built(part: keras.layers.Layer) -> None:
    """Refuse layers below a part that would make their weights in the first step.

    An optimiser, a file and a compiled step know the weights that are there when a model is built.

    Raises:
        ValueError: if there are some.
    """
    late = [layer.name for layer in layers_of(part) if not layer.built]
    if late:
        raise ValueError(
            f"{type(part).__name__}.build() left the layers {', '.join(map(repr, late))} without "
            "weights; expected all to be built then. Call their build() with the shape of their "
            "input there, in a layer of layers for each of its own, or leave out what is not used."
        )


def freeze_new_layers(model: keras.Model, known: Collection[int]) -> None:
    """Freeze the layers made since below a frozen one, which Keras creates trainable.

    Args:
        model: the model, after its layers were built.
        known: `id` of each layer that it had before, and that was frozen or not by hand.
    """
    for layer in layers_of(model):
        if not layer.trainable:
            for child in layer._flatten_layers(include_self=False, recursive=False):
                if id(child) not in known:
                    child.trainable = False


def frozen_record(model: keras.Model, parts: Mapping[str, keras.layers.Layer]) -> Config:
    """What is frozen, as `thaw_and_freeze` takes it; empty where nothing is.

    Returns:
        By role, and under `WHOLE_MODEL`, True for a layer that is frozen with all it holds, or the
        positions of frozen layers in `layers_of` the part.
    """
    record: Config = {}
    for role, part in parts.items():
        layers = layers_of(part)
        frozen = [index for index, layer in enumerate(layers) if not layer.trainable]
        if frozen:
            record[role] = True if len(frozen) == len(layers) else frozen
    if not model.trainable:
        record[WHOLE_MODEL] = True
    return record


def thaw_and_freeze(
    model: keras.Model, parts: Mapping[str, keras.layers.Layer], record: Config
) -> None:
    """Freeze what a record names and thaw all else; positions count once the parts are built."""
    if not record:
        return
    model.trainable = WHOLE_MODEL not in record
    for role, part in parts.items():
        frozen = record.get(role, ())
        for index, layer in enumerate(layers_of(part)):
            layer.trainable = frozen is not True and index not in frozen


def weight_ids(variables: Iterable[Any]) -> frozenset[int]:
    """Which weights these are, to be compared with others."""
    return frozenset(id(variable) for variable in variables)
