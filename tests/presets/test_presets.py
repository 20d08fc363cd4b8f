"""Presets: every one builds, its settings can be changed without changing the preset."""

import math

import numpy as np
import pytest

from hiervae import datasets, presets, registry
from hiervae.errors import DataError
from hiervae.likelihoods import Likelihood
from hiervae.presets import ladder, real_valued, vamp, vhp, vlae
from hiervae.presets.recipe import Recipe

VARIANTS = [
    (name, variant)
    for name in presets.names()
    for variant in ("paper", "code")
    if variant == "paper" or name not in ("vlae", "iwae", "iwae_2")
]

# The sets of greys and of real values that the authors of a preset trained on.
FITTING = {
    ("iwae", "chairs"),
    ("iwae", "cmu_mocap"),
    ("iwae", "faces_3d"),
    ("iwae", "pendulum"),
    ("vamp_vae", "chairs"),
    ("vamp_vae", "cmu_mocap"),
    ("vamp_vae", "faces_3d"),
    ("vamp_vae", "pendulum"),
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


@pytest.mark.compiles(6)
@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_preset_builds_with_the_settings_it_states(name, variant):
    preset = presets.get(name, variant=variant)
    model = preset.build_model((8, 8), seed=0)
    assert model.built
    assert model.event_shape == (8, 8)
    assert model.latent_dims == tuple(preset.model["latent_dims"])
    rate = preset.optimizer["config"]["learning_rate"]
    if isinstance(rate, dict):
        rate = rate["config"]["initial_learning_rate"]
    assert float(model.optimizer.learning_rate) == pytest.approx(rate)


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


def test_published_settings_of_the_iwae():
    for name, dims, units in (
        ("iwae", (50,), ((200, 200),)),
        ("iwae_2", (100, 50), ((200, 200), (100, 100))),
    ):
        preset = presets.get(name, "static_mnist")
        assert preset.training["epochs"] == 3280
        model = preset.build_model((784,), seed=0)
        config = model.get_config()
        assert (config["bound"], config["num_samples"]) == ("importance_weighted", 50)
        sizes = [784, *dims]
        expected = 0
        for below, above, (first, second) in zip(sizes, dims, units, strict=False):
            layers = (
                below * first + first + first * second + second + second * 2 * above + 2 * above
            )
            outputs = below if below == 784 else 2 * below
            back = above * second + second + second * first + first + first * outputs + outputs
            expected += layers + back
        assert sum(math.prod(weight.shape) for weight in model.trainable_variables) == expected
        assert model.latent_dims == dims
    # 3^0 passes of 2,500 batches, then 3^1.
    steps = presets.get("iwae_2", "static_mnist").optimizer["config"]["learning_rate"]["config"]
    assert steps["steps_per_epoch"] == 50_000 / 20
    other = presets.get("iwae_2", "omniglot").optimizer["config"]["learning_rate"]["config"]
    assert other["steps_per_epoch"] == 23_000 / 20


@pytest.mark.parametrize("name", ["iwae", "vamp_vae"])
@pytest.mark.parametrize("dataset", ["pendulum", "cmu_mocap"])
def test_baselines_train_on_real_valued_data(name, dataset):
    preset, vhp_preset = presets.get(name, dataset), presets.get("vhp", dataset)
    for key in ("latent_dims", "inference"):
        assert model_setting(preset, key) == model_setting(vhp_preset, key)
    assert preset.training == vhp_preset.training
    preset.model["num_samples"] = 2
    data = examples(dataset, 32)
    model = preset.build_model(data.shape[1:], seed=0)
    history = model.fit(
        data, batch_size=8, epochs=3, verbose=0, callbacks=preset.callbacks("loss")
    ).history
    assert history["reconstruction"][-1] < history["reconstruction"][0]


def model_setting(preset, key):
    value = preset.model[key]
    return value["name"] if isinstance(value, dict) else value


def test_pseudo_inputs_start_where_the_data_are():
    for dataset in ("pendulum", "cmu_mocap"):
        data = datasets.load(dataset).train[:] if dataset == "pendulum" else np.zeros(1)
        mean = presets.get("vamp_vae", dataset).model["prior"]["initial_mean"]
        assert mean == pytest.approx(data.mean(), abs=0.01)


def test_every_data_set_of_the_papers_has_its_own_kappa():
    """0.95 of the error of a plain VAE; whatever else is measured in training."""
    errors = {"static_mnist": 79.4, "mnist": 79.7, "fashion_mnist": 229.8}
    errors |= {"omniglot": 103.2, "omniglot_rebuilt": 103.2}
    for variant in ("paper", "code"):
        for dataset, error in errors.items():
            kappa = presets.get("vhp", dataset, variant).scheduler["kappa"]
            size = math.prod(datasets.describe(dataset).event_shape)
            assert kappa == pytest.approx(math.sqrt(0.95 * error / size), abs=0.005), dataset
        assert presets.get("vhp", "pendulum", variant).scheduler["kappa"] == 0.02
        assert presets.get("vhp", "cmu_mocap", variant).scheduler["kappa"] == 0.5
        for dataset in (None, "chairs", "caltech101_silhouettes"):
            assert presets.get("vhp", dataset, variant).scheduler["kappa"] == "auto"


def test_data_for_bernoulli_presets_is_binarised_by_default():
    for dataset in ("mnist", "fashion_mnist", "omniglot", "omniglot_rebuilt"):
        info = datasets.describe(dataset)
        assert (info.likelihood, info.binarisation) == ("bernoulli", "dynamic")


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
    assert set(real_valued.FOR_DATASET) <= set(datasets.names())
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


@pytest.mark.compiles(2)
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
            "fraction": None,
            "calibration_steps": None,
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
