"""Every part that is installed, built in or not, passes the checks of its kind.

The cases are read from the registry, so that a part joins them by being registered.
"""

from __future__ import annotations

from typing import Any

import keras
import pytest

from hiervae import registry, testing

SMALL = {"name": "mlp", "hidden_units": (8,)}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "mixture_of_gaussians": {"num_components": 4, "weights": "learned"},
    "vamp": {"num_components": 4, "weights": "learned"},
    "vamp_data": {"num_components": 4},
    "vhp": {"network": SMALL, "num_importance_samples": 4},
    "linear_warmup": {"epochs": 3},
    "geco": {"kappa": 0.3},
    "rewo": {"kappa": 0.3},
    "pixelcnn": {"num_layers": 2, "num_filters": 6},
    "mlp": {"hidden_units": ((8,), (6,))},
    "gated_mlp": {"hidden_units": (8,)},
    "conv": {
        "encoder_layers": [[3, 4, 2]],
        "decoder_layers": [[3, 4, 2]],
        "hidden_units": (8,),
        "decoder_channels": 2,
    },
    "gated_conv": {
        "encoder_layers": [[3, 3, 2]],
        "decoder_layers": [[3, 3, 1]],
        "hidden_units": (8,),
        "decoder_units": (6,),
    },
    "pixel_conv": {"encoder_layers": [[3, 3, 2]], "hidden_units": (8,)},
}
"""Arguments that a part cannot do without, or that make it small."""


def layers(units: int) -> keras.layers.Layer:
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(units, "relu")])


def arguments(name: str) -> dict[str, Any]:
    if name == "keras_layers":
        blocks = {"encoder": [layers(8), layers(6)], "decoder": [layers(8), layers(6)]}
        return {**blocks, "several_inputs": False}
    return ARGUMENTS.get(name, {})


@pytest.mark.compiles(6)
@pytest.mark.parametrize(
    ("role", "name"),
    [
        (role.name, name)
        for role in registry.ROLES.values()
        for name in registry.available(role.group)
    ],
)
def test_registered_part(role: str, name: str) -> None:
    group = registry.ROLES[role].group
    own = {row.name for row in registry.entries(group) if row.distribution == "hiervae"}
    if name not in own:
        try:
            registry.create(group, name, registry.ROLES[role].base_class())
        except registry.InvalidOptionError as error:  # it has tests of its own
            pytest.skip(f"a plugin's part that needs options, or another backend: {error}")
    getattr(testing, f"check_{role}")(name, **arguments(name))


def test_a_variance_that_the_decoder_predicts() -> None:
    testing.check_likelihood("gaussian", variance="predicted")


@pytest.mark.compiles(1)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ladder", {"share_top_down": False, "variance": "softplus", "head_batch_norm": True}),
        ("vlae", {"combine": "gated", "variance": "sigmoid"}),
    ],
)
def test_schemes_with_the_options_of_the_authors_code(name: str, options: dict[str, Any]) -> None:
    testing.check_inference(name, **options)


@pytest.mark.compiles(0)
def test_a_pixelcnn_of_greys() -> None:
    testing.check_likelihood(
        "pixelcnn", event_shape=(3, 2), levels=256, num_layers=2, num_filters=6
    )


@pytest.mark.compiles(0)
def test_a_log_scale_that_is_learned() -> None:
    testing.check_likelihood("discretized_logistic", event_shape=(4,), log_scale="learned")
