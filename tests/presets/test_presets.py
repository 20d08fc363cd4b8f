"""Presets: every one builds, its settings can be changed without changing the preset."""

import math

import pytest

from hiervae import datasets, presets
from hiervae.presets import catalogue

VARIANTS = [
    (name, variant)
    for name in presets.names()
    for variant in ("paper", "code")
    if variant == "paper" or name not in ("vhp", "vlae", "iwae")
]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_preset_builds_with_the_settings_it_states(name, variant):
    preset = presets.get(name, variant=variant)
    model = preset.build_model((8, 8), seed=0)
    assert model.built
    assert model.event_shape == (8, 8)
    assert model.latent_dims == tuple(preset.model["latent_dims"])
    assert float(model.optimizer.learning_rate) == pytest.approx(
        preset.optimizer["config"]["learning_rate"]
    )


def test_published_settings_of_the_hvae():
    preset = presets.get("vamp_hvae")
    model = preset.build_model((784,), seed=0)
    assert type(model.optimizer).__name__ == "NormalizedAdam"
    assert model.prior.num_components == 500
    assert presets.get("vamp_hvae", "omniglot").model["prior"]["num_components"] == 1000
    warm_up, stopping = preset.callbacks()
    assert warm_up.scheduler.get_config()["epochs"] == 100
    assert stopping.patience == 50
    encoder = 2 * 784 * 300 + 2 * 300 * 300 + 4 * 300
    joint = 2 * 784 * 300 + 2 * 40 * 300 + 2 * 600 * 300 + 6 * 300
    conditional = 2 * 40 * 300 + 2 * 300 * 300 + 4 * 300
    decoder = 2 * (2 * 40 * 300) + 2 * 600 * 300 + 6 * 300
    heads = 3 * (300 * 80 + 80)
    output = 300 * 784 + 784
    assert sum(math.prod(weight.shape) for weight in model.trainable_variables) == (
        encoder + joint + conditional + decoder + heads + output + 500 * 784
    )


def test_published_settings_of_the_ladder():
    paper, code = (presets.get("ladder_vae", variant=variant) for variant in ("paper", "code"))
    assert paper.model["network"]["activation"]["negative_slope"] == 0.1
    assert code.model["network"]["activation"]["negative_slope"] == 0.01
    assert "share_top_down" not in paper.model["inference"], "shared by default"
    assert code.model["inference"]["share_top_down"] is False
    assert code.model["inference"]["head_batch_norm"] is True
    assert paper.build_model((784,)).inference.share_top_down is True
    assert presets.get("bottom_up_vae").model["network"] == paper.model["network"]
    assert presets.get("ladder_vae", "omniglot").training["epochs"] == 1500


def test_grey_images_get_a_likelihood_of_greys():
    for name, likelihood in (
        ("vamp_hvae", "discretized_logistic"),
        ("vamp_pixel_hvae", "pixelcnn"),
    ):
        model = presets.get(name, "frey_faces").model
        assert model["likelihood"]["name"] == likelihood
        assert model["prior"]["initial_mean"] == 0.5
        assert model["prior"]["num_components"] == 500
    assert presets.get("vamp_pixel_hvae", "frey_faces").model["likelihood"]["levels"] == 256


def test_presets_of_data_sets_name_known_ones():
    """A setting for a data set that does not exist would never be used."""
    for variants in catalogue.RECIPES.values():
        for recipe in variants.values():
            assert set(recipe.for_dataset) <= set(datasets.names())


def test_convolutions_refuse_vectors():
    with pytest.raises(ValueError, match=r"\(784,\) are no images.*reshape"):
        presets.build("vamp_conv_hvae", (784,))


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
