"""The layers of convolutional networks, as options and as shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hiervae.types import Shape
from hiervae.utils.validation import check_positive_int

ConvLayer = tuple[int, int, int]
"""Filters, edge of the kernel, stride."""

ConvLayers = tuple[ConvLayer, ...]

KEYS = ("filters", "kernel_size", "strides")

SMALLEST_EDGE = 4
"""Strides that a level inherits do not make an image smaller than this."""


def standardize_conv_layers(name: str, layers: Any) -> ConvLayers:
    """One list of convolutions as tuples (filters, kernel_size, strides).

    Raises:
        ValueError: if it is something else, or empty.
    """
    if _is_sequence(layers) and layers and all(map(_is_layer, layers)):
        return tuple(_layer(name, entry) for entry in layers)
    raise _refusal(name, layers)


def standardize_levels(name: str, layers: Any) -> ConvLayers | tuple[ConvLayers, ...]:
    """One list of convolutions for all levels, or a tuple of such lists, one per level.

    A level's own list may be empty: that level has dense layers instead.

    Raises:
        ValueError: if it is something else.
    """
    if _is_sequence(layers) and layers and not any(map(_is_layer, layers)):
        if all(map(_is_sequence, layers)) and any(layers):
            return tuple(standardize_conv_layers(name, level) if level else () for level in layers)
        raise _refusal(name, layers)
    return standardize_conv_layers(name, layers)


def is_per_level(layers: ConvLayers | tuple[ConvLayers, ...]) -> bool:
    """Whether standardised layers are given per level."""
    return not _is_layer(layers[0])


def layers_of_level(
    name: str, layers: ConvLayers | tuple[ConvLayers, ...], level: int
) -> ConvLayers:
    """The convolutions of `level` (from 1).

    Raises:
        ValueError: if layers are given per level and there are fewer than `level`.
    """
    if not is_per_level(layers):
        return layers  # type: ignore[return-value]
    if level > len(layers):
        raise ValueError(
            f"{name} gives layers for {len(layers)} levels, but level {level} needs some too. "
            f"Received {layers!r}; give one list per level (an empty one for dense layers), or one "
            "list for all."
        )
    return layers[level - 1]  # type: ignore[return-value]


def image_shape(event_shape: Shape) -> tuple[int, int, int]:
    """Height, width and channels of an example.

    Raises:
        ValueError: if the example is no image.
    """
    if len(event_shape) == 2:
        return (*event_shape, 1)
    if len(event_shape) == 3:
        return event_shape
    raise ValueError(
        f"Examples of shape {event_shape} are no images: convolutional networks expect (height, "
        "width) or (height, width, channels). Reshape the data, such as x.reshape(-1, 28, 28) for "
        "28x28 images stored as vectors of 784, or use a network for vectors, such as 'mlp' or "
        "'gated_mlp'."
    )


def inherited_strides(size: tuple[int, int], strides: int) -> tuple[int, int]:
    """Return strides by axis of a convolution inherited from the list for all levels."""
    height, width = (strides if -(-edge // strides) >= SMALLEST_EDGE else 1 for edge in size)
    return height, width


def upsampled_sizes(size: tuple[int, int], layers: ConvLayers) -> list[tuple[int, int]]:
    """Return the image sizes before the first and after each of the layers up to `size`."""
    sizes = [size]
    for _, _, strides in reversed(layers):
        height, width = sizes[0]
        sizes.insert(0, (-(-height // strides), -(-width // strides)))
    return sizes


def strides_towards(
    size: tuple[int, int], target: tuple[int, int], layers: ConvLayers
) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Return the strides of convolutions towards maps of the target's size.

    A stride is left out along an axis where it would go below the target; the last layer takes as
    large a one as does not.

    Returns:
        Strides by axis for each layer, and the size that is reached: the target, or above it
        where no strides lead to it, or below it where the target is larger than the start.
    """
    strides = []
    for number, (_, _, step) in enumerate(layers, start=1):
        height, width = (
            max(edge // goal, 1)
            if number == len(layers)
            else step
            if -(-edge // step) >= goal
            else 1
            for edge, goal in zip(size, target, strict=True)
        )
        strides.append((height, width))
        size = (-(-size[0] // height), -(-size[1] // width))
    return strides, size


def sizes_between(
    start: tuple[int, int], target: tuple[int, int], layers: ConvLayers
) -> list[tuple[int, int]]:
    """Return the sizes of maps after each of the layers that lead from one size to another.

    The last layers enlarge by their strides, as in `upsampled_sizes`; the first one leads to where
    these begin, whatever its stride is.
    """
    sizes = [target]
    for _, _, step in reversed(layers[1:]):
        height, width = (
            max(-(-edge // step), min(edge, least))
            for edge, least in zip(sizes[0], start, strict=True)
        )
        sizes.insert(0, (height, width))
    return sizes


def _layer(name: str, entry: Any) -> ConvLayer:
    values = {"strides": 1, **entry} if isinstance(entry, Mapping) else None
    if values is None:
        values = dict(zip(KEYS, (*entry, 1) if len(entry) == 2 else entry, strict=False))
    if values.keys() != set(KEYS) or (not isinstance(entry, Mapping) and len(entry) > len(KEYS)):
        raise _refusal(name, entry)
    filters, kernel_size, strides = (
        check_positive_int(f"{name}: {key}", values[key]) for key in KEYS
    )
    return filters, kernel_size, strides


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_layer(value: Any) -> bool:
    """Whether a value describes one convolution, not a list of them."""
    if isinstance(value, Mapping):
        return True
    return (
        _is_sequence(value)
        and len(value) > 0
        and not any(isinstance(entry, (Sequence, Mapping)) for entry in value)
    )


def _refusal(name: str, value: Any) -> ValueError:
    return ValueError(
        f"{name}: received {value!r}. Expected a list of layers [filters, kernel_size, strides] "
        'or {"filters": 64, "kernel_size": 3, "strides": 1}, such as [[32, 7, 1], [64, 3, 2]]'
        + (", or one such list per level." if name == "encoder_layers" else ".")
    )
