"""Versions of options that change."""

import keras
import numpy as np
import pytest

from hiervae.networks.mlp import MLP
from hiervae.utils.versioned import VersionedOptions


class Thing(VersionedOptions):
    def __init__(self, **options):
        for name, value in options.items():
            setattr(self, name, value)


@pytest.mark.parametrize("value", [2, 1.0, True, None, "b", (1, 2), [1]])
def test_another_value_is_another_version(value):
    thing = Thing(option=1)
    before = thing.options_version
    thing.option = value
    assert thing.options_version > before


@pytest.mark.parametrize("value", [1, 0.5, None, "b", (1, 2), "tensor"])
def test_the_same_value_is_the_same_version(value):
    value = keras.ops.ones(2) if value == "tensor" else value
    thing = Thing(option=value)
    before = thing.options_version
    thing.option = (1, 2) if value == (1, 2) else value
    assert thing.options_version == before


def test_private_attributes_and_tensors_are_no_options():
    thing = Thing(option=1)
    before = thing.options_version
    thing._cache = 3
    thing.last = keras.ops.ones(2)
    thing.built = True
    assert thing.options_version == before


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: (0, x), lambda x: {"a": x}])
def test_what_is_held_counts_too(wrap):
    inner = Thing(option=1)
    outer = Thing(inner=wrap(inner))
    before = outer.options_version
    inner.option = 2
    assert outer.options_version > before


@pytest.mark.parametrize("name", ["inner", "_inner"])
def test_versions_never_come_back(name):
    """Held objects are replaced by older and newer ones."""
    old, new = Thing(option=1), Thing(option=2)
    outer = Thing(**{name: new, "option": 3})
    seen = {outer.options_version}
    for inner in (old, new, old):
        setattr(outer, name, inner)
        assert outer.options_version not in seen
        seen.add(outer.options_version)


def test_networks_are_versioned():
    network = MLP(hidden_units=(3,))
    before = network.options_version
    network.hidden_units = (4,)
    assert network.options_version > before
    assert np.isscalar(before)
