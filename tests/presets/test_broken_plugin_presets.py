"""Presets of other distributions whose settings are not what is asked of them."""

import pytest

from hiervae import presets, registry
from hiervae.errors import BrokenPluginError, IncompatiblePluginError
from hiervae.presets import Preset
from hiervae.presets.checking import TRAINING
from hiervae.priors.standard_normal import StandardNormal
from hiervae.runs.config import TRAINING_DEFAULTS

GROUP = "hiervae.presets"
ORIGIN = r"The preset 'other' \(distribution 'toy-other' 1\.0, target 'toy_other:make'\)"

SOUND = {
    "model": {"latent_dims": (2,), "network": {"name": "mlp", "hidden_units": (8,)}},
    "optimizer": {"class_name": "Adam", "config": {"learning_rate": 1e-3}},
    "scheduler": {"name": "linear_warmup", "epochs": 3},
    "training": {"epochs": 1, "batch_size": 10, "early_stopping_patience": None},
}


def offer(site, **changes):
    """A preset with some sections changed."""
    site.module(
        "toy_other",
        f"""
        from hiervae.presets import Preset

        def make(dataset=None, variant="paper"):
            return Preset(name="other", variant="paper", source="", **{ {**SOUND, **changes}!r})
        """,
    )
    site.distribution("toy-other", {GROUP: {"other": "toy_other:make"}})


def made_with(model):
    """A preset's function, whose model has some settings more."""

    def make(dataset=None, variant="paper"):
        settings = {**SOUND, "model": {**SOUND["model"], **model}}
        return Preset("other", "paper", **settings, source="")

    return make


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, "has model=None of type NoneType. Expected a dict"),
        ({"model": {}}, "has no latent_dims in model, which holds nothing"),
        (
            {"model": {"latent_dims": 2, "piror": "vhp"}},
            "has in model the unknown 'piror'. Expected some of latent_dims, .*mean 'prior'",
        ),
        (
            {"model": {"latent_dims": 2, "seed": 3}},
            "has in model the unknown 'seed'.*whoever builds the model",
        ),
        ({"model": {"latent_dims": 2, 7: 3}}, "has in model the unknown 7"),
        (
            {"model": {"latent_dims": 2, "prior": None}},
            r"has model\['prior'\]=None of type NoneType. Expected the name of a prior or a dict",
        ),
        (
            {"model": {"latent_dims": 2, "network": {"hidden_units": (8,)}}},
            r"has model\['network'\]=\{'hidden_units': \(8,\)\} of type dict",
        ),
        ({"optimizer": None}, "has optimizer=None of type NoneType"),
        (
            {"optimizer": {"class_name": "Adam", "learning_rate": 1e-3}},
            "has in optimizer the unknown 'learning_rate'.*belong into its config",
        ),
        (
            {"optimizer": {"config": {"learning_rate": 1e-3}}},
            "has optimizer=.* of type dict. Expected a serialised Keras optimiser",
        ),
        (
            {"optimizer": {"class_name": "Adam", "config": 3}},
            "has optimizer=.* of type dict. Expected a serialised Keras optimiser",
        ),
        ({"scheduler": {"kappa": 0.3}}, "has scheduler=.*name of a scheduler .*or None for beta"),
        ({"scheduler": 3}, "has scheduler=3 of type int"),
        ({"training": None}, "has training=None of type NoneType"),
        ({"training": {}}, "has no epochs and no batch_size in training"),
        (
            {"training": {"epochs": 1, "batch_size": 10, "epoch": 3}},
            "has in training the unknown 'epoch'.*mean 'epochs'",
        ),
        ({"training": {"epochs": "1", "batch_size": 10}}, "has in training epochs='1': expected"),
        ({"training": {"epochs": 1, "batch_size": 0}}, "has in training batch_size=0: expected"),
        (
            {"training": {"epochs": 1, "batch_size": 10, "early_stopping_patience": -1}},
            "has in training early_stopping_patience=-1: expected",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_refused_with_their_origin(site, changes, message):
    offer(site, **changes)
    with pytest.raises(IncompatiblePluginError, match=f"{ORIGIN} {message}.*Mend"):
        presets.get("other")


def test_a_sound_one_is_returned_as_it_is_however_it_names_its_parts(site):
    offer(site)
    found = presets.get("other")
    assert {name: getattr(found, name) for name in SOUND} == SOUND
    parts = {"prior": StandardNormal}
    with registry.override(GROUP, "other", made_with(parts)):
        assert presets.get("other").model["prior"] is StandardNormal
    parts["prior"] = Preset
    with (
        registry.override(GROUP, "other", made_with(parts)),
        pytest.raises(IncompatiblePluginError, match="Preset'> of type type. Expected the name"),
    ):
        presets.get("other")


def test_what_may_be_left_out_is_filled_in(site):
    offer(site, optimizer="adam", training={"epochs": 1, "batch_size": 10}, scheduler="constant")
    found = presets.get("other")
    assert found.optimizer == {"class_name": "adam", "config": {}}
    assert found.training["early_stopping_patience"] is None
    assert len(found.callbacks()) == 1
    assert found.build_model((4,), seed=0).optimizer.name.startswith("adam")


def test_settings_that_cannot_be_copied_are_refused():
    sizes = {"latent_dims": (size for size in (2,))}
    with (
        registry.override(GROUP, "other", made_with(sizes)),
        pytest.raises(IncompatiblePluginError, match="'other'.*cannot be copied.*generator"),
    ):
        presets.get("other")


@pytest.mark.parametrize("body", ["{}['settings']", "Preset('other', 'paper')"])
def test_what_its_function_raises_is_told_with_its_origin(site, body):
    site.module(
        "toy_other",
        f"from hiervae.presets import Preset\ndef make(dataset=None, variant=''): return {body}",
    )
    site.distribution("toy-other", {GROUP: {"other": "toy_other:make"}})
    with pytest.raises(BrokenPluginError, match=f"{ORIGIN} failed: .*Expected a .*Preset"):
        presets.get("other")


def test_a_lack_of_memory_and_an_interrupt_pass_through():
    for kind in (MemoryError, KeyboardInterrupt):

        def make(dataset=None, variant="paper", kind=kind):
            raise kind

        with registry.override(GROUP, "other", make), pytest.raises(kind):
            presets.get("other")


def test_a_function_without_signature_is_refused():
    with (
        registry.override(GROUP, "other", max),
        pytest.raises(IncompatiblePluginError, match="'other'.*takes other arguments"),
    ):
        presets.get("other")


def test_the_settings_of_a_training_are_those_of_runs():
    assert set(TRAINING) == {"epochs", "batch_size", *TRAINING_DEFAULTS}
