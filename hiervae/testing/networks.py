"""Conformance of a network."""

from __future__ import annotations

from typing import Any

from hiervae.networks.base import Network
from hiervae.testing import network_blocks
from hiervae.testing.composition import check_composition
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import accepted_models, binary_examples

EVENT_SHAPES = ((4,), (8, 8, 3))
LATENT_DIMS = ((3, 2), (3,))


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
    `blocks` (encoder, decoder and data blocks are Keras layers with one feature tensor of the shape
    they announce, finite also for large inputs, where no row depends on another outside training),
    `inputs` (the same for a list of inputs) and `state` (created in build). Composed into a model
    of one or two levels: `fit`, `gradients`, `inspection` and `saving`.

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
        network_blocks.check_returned(subject, shapes)
        alternatives = [
            [
                {"event_shape": shape, "network": subject.fresh(), "latent_dims": dims}
                for shape in shapes
            ]
            for dims in LATENT_DIMS
        ]
        models = accepted_models(subject, *alternatives)
        for model in models:
            network_blocks.check_blocks(subject, model.event_shape or (), several_inputs)
        examples = binary_examples(24, models[-1].event_shape or ())
        check_composition(subject, models[-1], examples)
