"""Presets: every one builds, its settings can be changed without changing the preset."""

import math

import numpy as np
import pytest

from hiervae import datasets, presets, registry
from hiervae.errors import DataError
from hiervae.likelihoods import Likelihood
from hiervae.presets import ladder, vamp, vhp, vlae
from hiervae.presets.recipe import Recipe

VARIANTS = [
    (name, variant)
    for name in presets.names()
    for variant in ("paper", "code")
    if variant == "paper" or name not in ("vlae", "iwae")
]

# The sets of greys and of real values that the authors of a preset trained on.
FITTING = {
    ("bottom_up_vae", "small_norb"),
    ("ladder_vae", "small_norb"),
    ("vamp_conv_hvae", "frey_faces"),
    ("vamp_conv_hvae", "histopathology"),
    ("vamp_hvae", "frey_faces"),
    ("vamp_hvae", "histopathology"),
    ("vamp_pixel_hvae", "frey_faces"),
    ("vamp_pixel_hvae", "histopathology"),
    ("vamp_vae", "frey_faces"),
    ("vamp_vae", "histopathology"),
    ("vhp", "chairs"),
    ("vhp", "cmu_mocap"),
    ("vhp", "faces_3d"),
    ("vhp", "pendulum"),
}
NOT_BINARY = tuple(
    name for name in datasets.names() if datasets.describe(name).binarisation == "none"
)


def examples(dataset, number=8):
    """Random values of the shape and range of a data set."""
    info = datasets.describe(dataset)
    values = np.random.default_rng(0).normal(size=(number, *info.event_shape))
    if info.value_range == (0.0, 1.0):
        values = np.round(255 / (1 + np.exp(-values))) / 255
    return values.astype("float32")


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
    greys = presets.get("vamp_pixel_hvae", "frey_faces").model["likelihood"]
    assert (greys["levels"], greys["grey_distribution"]) == (256, "discretized_logistic")


def test_the_pixel_hvae_has_a_channel_for_each_latent():
    model = presets.build("vamp_pixel_hvae", (6, 5), seed=0)
    model.build((None, 6, 5))
    assert model.inference.features_shape == (6, 5, 2)
    assert model.likelihood.conditioning.kernel.shape == (3, 3, 2, 64)


def test_presets_of_data_sets_name_known_ones():
    """A setting for a data set that does not exist would never be used."""
    groups = [
        value
        for module in (ladder, vamp, vhp, vlae)
        for value in vars(module).values()
        if isinstance(value, dict) and any(isinstance(each, Recipe) for each in value.values())
    ]
    assert len(groups) == 8
    for variants in groups:
        for recipe in variants.values():
            assert set(recipe.for_dataset) <= set(datasets.names())


@pytest.mark.parametrize("name", presets.names())
@pytest.mark.parametrize("dataset", NOT_BINARY)
def test_values_that_are_not_binary_are_taken_or_refused_with_a_way_out(name, dataset):
    spec = presets.get(name, dataset).model["likelihood"]
    likelihood = registry.create("hiervae.likelihoods", spec, Likelihood)
    if (name, dataset) in FITTING or name == "vlae":
        likelihood.check_values(examples(dataset))
        return
    with pytest.raises(DataError, match="or choose another likelihood|likelihood={"):
        likelihood.check_values(examples(dataset))


def test_published_settings_of_the_ladder_on_norb():
    for name in ("ladder_vae", "bottom_up_vae"):
        for variant in ("paper", "code"):
            preset = presets.get(name, "small_norb", variant)
            assert preset.model["network"]["activation"] == "tanh"
            assert preset.model["network"]["batch_norm"] is True
            assert preset.model["likelihood"] == {"name": "gaussian", "variance": "predicted"}
            assert preset.training["epochs"] == 2000


@pytest.mark.parametrize(
    ("dataset", "latent_dim"), [("cmu_mocap", 2), ("chairs", 32), ("faces_3d", 32)]
)
@pytest.mark.parametrize("variant", ["paper", "code"])
def test_vhp_trains_on_the_papers_data(dataset, latent_dim, variant):
    data = examples(dataset)
    model = presets.build("vhp", data.shape[1:], dataset=dataset, variant=variant, seed=0)
    assert model.latent_dims == (latent_dim,)
    callbacks = presets.get("vhp", dataset, variant).callbacks(monitor="loss")
    history = model.fit(data, batch_size=4, epochs=1, verbose=0, callbacks=callbacks).history
    assert np.isfinite(history["loss"]).all()
    assert history["phase"] == [0.0]


def test_vhp_with_the_rule_of_the_authors_code():
    for dataset in (None, "pendulum", "cmu_mocap", "chairs"):
        paper, code = (presets.get("vhp", dataset, variant) for variant in ("paper", "code"))
        assert (code.model, code.optimizer) == (paper.model, paper.optimizer)
        (controller, *_) = code.callbacks()
        assert controller.scheduler.get_config() == {
            "kappa": paper.scheduler["kappa"],
            "beta": paper.scheduler["beta"],
            "nu": 1.0,
            "tau": 100.0,
            "alpha": 0.99,
            "per_dimension": True,
            "update_every": 100,
            "multiplier_bounds": pytest.approx((1 / 1.05, 1 / 0.9)),
            "beta_bounds": (1e-8, 1.0),
            "normalised": False,
        }


def test_the_source_names_what_is_ours_and_what_is_left_out():
    for variant in ("paper", "code"):
        assert "are ours" in presets.get("vhp", variant=variant).source
    assert "drops the KL in the initial phase" in presets.get("vhp", variant="code").source
    assert 'no variant "code"' in presets.get("vlae").source
    assert "heads of the latents" in presets.get("vlae").source
    for name in ("vamp_vae", "vamp_hvae", "vamp_conv_hvae", "vamp_pixel_hvae"):
        assert "heads of the latents" in presets.get(name, variant="code").source


def test_convolutions_refuse_vectors():
    with pytest.raises(ValueError, match=r"\(784,\) are no images.*reshape"):
        presets.build("vamp_conv_hvae", (784,))


def test_a_number_is_no_shape():
    with pytest.raises(ValueError, match=r"input_shape=784: expected the shape of one example"):
        presets.build("vhp", input_shape=784)


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
    with pytest.raises(ValueError, match=r"Unknown preset 'vhpp'\..*Did you mean 'vhp'"):
        presets.get("vhpp")
    with pytest.raises(ValueError, match="has no variant 'thesis'.*'paper'"):
        presets.get("vhp", variant="thesis")
