"""Records of real Keras layers, on the active backend."""

import json

import keras
import numpy as np
import pytest

from hiervae import registry
from hiervae.errors import BrokenPluginError, IncompatiblePluginError, UnknownPluginError
from hiervae.registry import InvalidOptionError

PRIORS = "hiervae.priors"


class Part(keras.layers.Layer):
    interface_version = 1


class Auto(Part):
    """Leaves its config to Keras."""

    def __init__(self, components=3, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.components, self.scale = components, scale


class Explicit(Part):
    """Returns live objects from `get_config()`."""

    def __init__(self, block, start, sizes=(3, 4), **kwargs):
        super().__init__(**kwargs)
        self.block, self.start, self.sizes = block, start, tuple(sizes)

    def get_config(self):
        own = {"block": self.block, "start": self.start, "sizes": self.sizes}
        return {**super().get_config(), **own}


def round_trip(part):
    record = json.loads(json.dumps(registry.describe(PRIORS, part)))
    return registry.restore(PRIORS, record, Part)


@pytest.mark.parametrize("dtype", [None, "float32", "mixed_float16"])
def test_a_layer_keeps_name_dtype_and_trainable(dtype):
    with registry.override(PRIORS, "auto", Auto):
        part = Auto(components=5, scale=0.5, name="p", dtype=dtype, trainable=False)
        again = round_trip(part)
    assert (again.components, again.scale, again.name) == (5, 0.5, "p")
    assert again.dtype_policy.name == part.dtype_policy.name
    assert again.trainable is False


def test_a_dtype_policy_object_survives():
    with registry.override(PRIORS, "explicit", Explicit):
        again = round_trip(Explicit(None, None, dtype=keras.DTypePolicy("mixed_bfloat16")))
    assert (again.compute_dtype, again.variable_dtype) == ("bfloat16", "float32")


def test_live_objects_in_a_config_come_back_as_objects():
    with registry.override(PRIORS, "explicit", Explicit):
        block = keras.layers.Dense(
            7, activation="tanh", kernel_initializer=keras.initializers.RandomNormal(stddev=0.3)
        )
        again = round_trip(Explicit(block, np.arange(3, dtype="float32"), sizes=(5, np.int64(6))))
    assert isinstance(again.block, keras.layers.Dense)
    assert again.block.units == 7
    assert again.block.kernel_initializer.stddev == 0.3
    np.testing.assert_array_equal(again.start, np.arange(3))
    assert again.start.dtype == "float32"
    assert again.sizes == (5, 6)


def test_a_value_that_keras_cannot_write_is_refused():
    with registry.override(PRIORS, "explicit", Explicit):
        part = Explicit(object(), None)
        with pytest.raises(IncompatiblePluginError, match=r"config\['block'\] is <object object"):
            registry.describe(PRIORS, part)


def test_a_damaged_config_names_the_reason_in_one_line():
    with registry.override(PRIORS, "auto", Auto):
        record = registry.describe(PRIORS, Auto())
        record["config"]["componens"] = 3
        with pytest.raises(BrokenPluginError, match="componens") as caught:
            registry.restore(PRIORS, record, Part)
    assert "\n" not in str(caught.value)
    assert "dtype" not in str(caught.value)


@pytest.mark.parametrize("built", [False, True])
def test_a_users_own_class_goes_through_keras(built):
    part = Auto(components=5, name="mine")
    if built:
        part.build((None, 3))
    record = registry.describe(PRIORS, part)
    assert record["name"] is record["distribution"] is record["version"] is None
    record = json.loads(json.dumps(record))
    with keras.saving.custom_object_scope({"Auto": Auto}):
        again = registry.restore(PRIORS, record, Part)
    assert type(again) is Auto
    assert (again.components, again.name, again.built) == (5, "mine", False)


def test_a_registered_class_needs_no_scope():
    @keras.saving.register_keras_serializable("hiervae_tests")
    class Registered(Auto):
        pass

    assert type(round_trip(Registered(components=4))) is Registered


def test_an_unknown_users_class_says_how_to_make_it_known():
    record = registry.describe(PRIORS, Auto())
    with pytest.raises(UnknownPluginError, match="'Auto' is a class of a user") as caught:
        registry.restore(PRIORS, record, Part)
    for part in ("register_keras_serializable", "custom_objects={'Auto': Auto}", Auto.__module__):
        assert part in str(caught.value)


def test_a_users_class_that_fails_to_rebuild_says_why():
    record = registry.describe(PRIORS, Auto())
    record["config"]["config"]["componens"] = 3
    with (
        keras.saving.custom_object_scope({"Auto": Auto}),
        pytest.raises(BrokenPluginError, match=r"'Auto' cannot be rebuilt.*componens"),
    ):
        registry.restore(PRIORS, record, Part)


def test_a_users_class_without_a_config_says_what_to_define():
    class Mute(Part):
        def __init__(self, block):
            super().__init__()
            self.block = block

    with pytest.raises(IncompatiblePluginError, match=r"'.*Mute' cannot be saved.*get_config\(\)"):
        registry.describe(PRIORS, Mute(keras.layers.Dense(3)))


def test_a_keras_layer_of_another_kind_is_refused():
    record = registry.describe(PRIORS, keras.layers.Dense(3))
    assert record["config"]["class_name"] == "Dense"
    with pytest.raises(IncompatiblePluginError, match="expected a subclass of"):
        registry.restore(PRIORS, record, Part)


def test_an_unknown_option_of_a_layer_lists_its_own_first():
    with (
        registry.override(PRIORS, "auto", Auto),
        pytest.raises(
            InvalidOptionError, match=r"'component'.*options: components, scale, "
        ) as hit,
    ):
        registry.create(PRIORS, {"name": "auto", "component": 3}, Part)
    assert "Did you mean 'components'?" in str(hit.value)
    assert "trainable" in str(hit.value)


def test_a_layers_general_options_are_accepted():
    with registry.override(PRIORS, "auto", Auto):
        part = registry.create(PRIORS, {"name": "auto", "dtype": "float16"}, Part)
    assert part.compute_dtype == "float16"
