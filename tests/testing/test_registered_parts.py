"""Every part that is installed, built in or not, passes the checks of its kind.

The cases are read from the registry, so that a part joins them by being registered.
"""

from __future__ import annotations

from typing import Any

import keras
import pytest

from hiervae import registry, testing

CHECKS = {
    "hiervae.priors": testing.check_prior,
    "hiervae.inference": testing.check_inference,
    "hiervae.schedulers": testing.check_scheduler,
    "hiervae.likelihoods": testing.check_likelihood,
    "hiervae.networks": testing.check_network,
}

SMALL = {"name": "mlp", "hidden_units": (8,)}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "vhp": {"network": SMALL, "num_importance_samples": 4},
    "linear_warmup": {"epochs": 3},
    "geco": {"kappa": 0.3},
    "rewo": {"kappa": 0.3},
    "mlp": {"hidden_units": ((8,), (6,))},
    "gated_mlp": {"hidden_units": (8,)},
}
"""Arguments that a part cannot do without, or that make it small."""


def layers(units: int) -> keras.layers.Layer:
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(units, "relu")])


def arguments(name: str) -> dict[str, Any]:
    if name == "keras_layers":
        blocks = {"encoder": [layers(8), layers(6)], "decoder": [layers(8), layers(6)]}
        return {**blocks, "several_inputs": False}
    return ARGUMENTS.get(name, {})


@pytest.mark.parametrize(
    ("group", "name"),
    [(group, name) for group in registry.GROUPS for name in registry.available(group)],
)
def test_registered_part(group: str, name: str) -> None:
    CHECKS[group](name, **arguments(name))


def test_every_group_has_a_check() -> None:
    assert CHECKS.keys() == set(registry.GROUPS)


def test_a_variance_that_the_decoder_predicts() -> None:
    testing.check_likelihood("gaussian", variance="predicted")
