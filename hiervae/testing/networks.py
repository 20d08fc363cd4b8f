"""Conformance of a network."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import keras
import numpy as np

from hiervae.model import HierarchicalVAE
from hiervae.networks.base import Network, build_block
from hiervae.testing.behaviour import check_memory, check_traced
from hiervae.testing.check import Array, Check
from hiervae.testing.composition import check_composition
from hiervae.testing.outcomes import step
from hiervae.testing.process import check_process
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import (
    accepted_models,
    binary_examples,
    generator,
    normal_array,
    numpy,
    tensor,
    without_new_state,
)

EVENT_SHAPES = ((4,), (8, 8, 3))
LATENT_DIMS = ((3, 2), (3,))

CHECKS = (
    "signature",
    "config",
    "live_options",
    "blocks",
    "build",
    "inputs",
    "state",
    "traced",
    "memory",
    "fit",
    "gradients",
    "inspection",
    "saving",
    "process",
)
"""The names of the checks, in the order in which they begin."""

ROWS = 4
LATENT = (3,)
UPPER_LATENT = (2,)


def check_network(
    network: Any,
    *,
    event_shape: tuple[int, ...] | None = None,
    several_inputs: bool = True,
    **options: Any,
) -> None:
    """Check a network against the whole contract of `hiervae.networks.Network`.

    For vectors and images, of which it may refuse some with a ValueError at build: `signature`
    (methods take the arguments of the base class), `config` (get_config() is complete and JSON),
    `live_options` (options of the constructor, whose new value is in get_config()), `blocks`
    (encoder, decoder and data blocks are Keras layers with one feature tensor of the shape they
    announce, finite also for large inputs, where no row depends on another outside training),
    `inputs` (the same for a list of inputs) and `state` (created in build), `traced` (blocks run on
    tensors without values), `memory` (nothing is kept of a call), `process` (the config means the
    same in another process). Composed into a model of one or two levels: `fit`, `gradients`,
    `inspection` and `saving`.

    Args:
        network: a name, a config, a class or an instance; an instance is not changed.
        event_shape: the only shape of examples to try, instead of several.
        several_inputs: False for a network whose blocks take one input by their nature.
        **options: constructor arguments beside a name, a config or a class.

    Raises:
        ConformanceError: if a check fails; `check` names it.
        RegistryError: if the name stands for no network, or for several.
        IncompatiblePluginError: if the class is abstract, no network, or of another interface.
        ValueError: if the network refuses an option.

    Example:
        >>> check_network("mlp", hidden_units=(16, 16))
    """
    subject = Subject("hiervae.networks", Network, network, options)
    shapes = EVENT_SHAPES if event_shape is None else (event_shape,)
    with subject.scope():
        with step():
            check_returned(subject, shapes)
        alternatives = [
            [
                {"event_shape": shape, "network": subject.fresh(), "latent_dims": dims}
                for shape in shapes
            ]
            for dims in LATENT_DIMS
        ]
        models = accepted_models(subject, *alternatives)
        for model in models:
            with step():
                check_blocks(subject, model.event_shape or (), several_inputs)
        with step():
            check_calls(subject, models[-1])
        with step():
            examples = binary_examples(24, models[-1].event_shape or ())
            check_composition(subject, models[-1], examples)
        check_process(subject)


def check_calls(subject: Subject, model: HierarchicalVAE) -> None:
    """Check the blocks inside a model when they are traced and when they are called often."""
    examples = binary_examples(ROWS, model.event_shape or ())

    def infer(seed: Any, inputs: Any) -> None:
        model.inference.infer(inputs, seed=seed, training=True)

    check_traced(subject, "the blocks", infer, examples)
    with keras.StatelessScope():  # no statistics of batches may change
        check_memory(
            subject, lambda: infer(generator(), tensor(examples)), model.network, model.inference
        )


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
    with without_new_state(subject, block, f"{method} was called"):
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
        check.require_close(
            f"{method} of a row after another row has changed", after[1:], first[1:]
        )
        check.require(
            (after[0] != first[0]).any(), f"{method} that ignores its input", "another output"
        )
        far = _apply(block, [1e4 * array for array in inputs])
        check.require(
            np.isfinite(far).all(), f"{method} not finite for inputs of 1e4", "finite numbers"
        )


def _apply(block: Any, inputs: list[Array]) -> Array:
    tensors = [tensor(array) for array in inputs]
    output = block(tensors[0] if len(tensors) == 1 else tensors, training=False)
    return numpy(output)
