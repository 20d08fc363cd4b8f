"""Presets: every one builds, its settings can be changed without changing the preset."""

import pytest

from hiervae import presets


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_builds_with_the_settings_it_states(name):
    preset = presets.get(name)
    model = preset.build_model((8, 8), seed=0)
    assert model.built
    assert model.event_shape == (8, 8)
    assert model.latent_dims == tuple(preset.model["latent_dims"])
    assert float(model.optimizer.learning_rate) == pytest.approx(
        preset.optimizer["config"]["learning_rate"]
    )


def test_data_set_settings_replace_only_what_they_name():
    general, pendulum = presets.get("vhp"), presets.get("vhp", dataset="pendulum")
    assert pendulum.model["latent_dims"] == (2,)
    assert pendulum.model["inference"] == general.model["inference"]
    assert pendulum.scheduler["name"] == "rewo"
    assert pendulum.training["early_stopping_patience"] is None
    assert general.training["early_stopping_patience"] is not None


def test_a_preset_is_not_changed_by_its_use():
    before = presets.get("vhp")
    before.model["prior"]["num_importance_samples"] = 99
    before.build_model((4,))
    after = presets.get("vhp")
    assert after.model["prior"]["num_importance_samples"] != 99
    assert after.optimizer["class_name"] == "Adam"


def test_equal_seeds_give_equal_models():
    one, two = (presets.build("vhp", (6,), seed=3) for _ in range(2))
    for first, second in zip(one.get_weights(), two.get_weights(), strict=True):
        assert (first == second).all()


def test_unknown_names_and_variants_are_refused():
    with pytest.raises(ValueError, match="No preset is called 'vhpp'.*Did you mean 'vhp'"):
        presets.get("vhpp")
    with pytest.raises(ValueError, match="has no variant 'thesis'.*'paper'"):
        presets.get("vhp", variant="thesis")
