"""The blocks that a network makes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import keras
import numpy as np

from hiervae.networks.base import build_block
from hiervae.testing.check import Array, Check, late_state
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import normal_array, numpy, tensor

ROWS = 4
LATENT = (3,)
UPPER_LATENT = (2,)


def check_returned(subject: Subject, event_shapes: Sequence[tuple[int, ...]]) -> None:
    """Check that methods return layers, or refuse with a ValueError, before models are built."""
    for event_shape in event_shapes:
        for _, method, arguments in _cases(event_shape, several_inputs=False):
            with subject.check("blocks", _fix(method)) as check, suppress(ValueError):
                _block(subject, check, method, arguments)


def check_blocks(subject: Subject, event_shape: tuple[int, ...], several_inputs: bool) -> None:
    """Check the blocks for examples of this shape, with one input and with several."""
    for name, method, arguments in _cases(event_shape, several_inputs):
        with subject.check(name, _fix(method), fix_suits_exceptions=True) as check:
            block = _block(subject, check, method, arguments)
            shapes = next(entry for entry in arguments if isinstance(entry, list))
            _check_block(subject, check, method, block, shapes)


def _cases(
    event_shape: tuple[int, ...], several_inputs: bool
) -> list[tuple[str, str, tuple[Any, ...]]]:
    """The calls of a network's methods: name of the check, method, arguments."""
    cases: list[tuple[str, str, tuple[Any, ...]]] = [
        ("blocks", "encoder_block", (1, [event_shape])),
        ("blocks", "decoder_block", (1, [LATENT])),
        ("blocks", "data_block", ([LATENT], event_shape)),
    ]
    if several_inputs:
        cases += [
            ("inputs", "encoder_block", (1, [event_shape, UPPER_LATENT])),
            ("inputs", "decoder_block", (1, [LATENT, UPPER_LATENT])),
            ("inputs", "data_block", ([LATENT, UPPER_LATENT], event_shape)),
        ]
    return cases


def _fix(method: str) -> str:
    return f"See {method} of hiervae.networks.Network; several inputs come as a list."


def _block(subject: Subject, check: Check, method: str, arguments: tuple[Any, ...]) -> Any:
    block = getattr(subject.fresh(), method)(*arguments)
    is_layer = isinstance(block, keras.layers.Layer)
    check.require(is_layer, f"{method}() that returned {block!r}", "a Keras layer")
    return block


def _check_block(
    subject: Subject, check: Check, method: str, block: Any, shapes: list[tuple[int, ...]]
) -> None:
    expected = (ROWS, *build_block(block, shapes))
    names = [variable.path for variable in block.variables]
    inputs = [normal_array(ROWS, *shape, seed=index) for index, shape in enumerate(shapes)]
    first = _apply(block, inputs)
    check.require(
        first.shape == expected,
        f"{method} with an output of shape {first.shape}",
        f"{expected}, as compute_output_shape() says",
    )
    again = _apply(block, inputs)
    check.require_close(f"{method} of the same input again, outside training", again, first)
    changed = [array.copy() for array in inputs]
    for array in changed:
        array[0] += 1.0
    after = _apply(block, changed)
    check.require_close(f"{method} of a row after another row has changed", after[1:], first[1:])
    check.require(
        (after[0] != first[0]).any(), f"{method} that ignores its input", "another output"
    )
    far = _apply(block, [1e4 * array for array in inputs])
    check.require(
        np.isfinite(far).all(), f"{method} not finite for inputs of 1e4", "finite numbers"
    )
    late = [variable.path for variable in block.variables if variable.path not in names]
    if late:
        raise late_state(subject.part, f"the new weights {late} after {method} was called")


def _apply(block: Any, inputs: list[Array]) -> Array:
    tensors = [tensor(array) for array in inputs]
    output = block(tensors[0] if len(tensors) == 1 else tensors, training=False)
    return numpy(output)
