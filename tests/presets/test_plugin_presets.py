"""Presets of other distributions."""

import sys

import pytest

from hiervae import presets
from hiervae.errors import (
    BrokenPluginError,
    IncompatiblePluginError,
    PluginConflictError,
    UnknownPluginError,
)
from tests.support.functions import install_plugin

GROUP = "hiervae.presets"


def offer(site, source):
    site.module("toy_other", source)
    site.distribution("toy-other", {GROUP: {"other": "toy_other:make"}})


def test_it_is_listed_without_import_and_found_by_name(site):
    install_plugin(site)
    assert "tiny" in presets.names()
    assert "toy_presets" not in sys.modules
    assert presets.get("tiny").model["latent_dims"] == (2,)
    assert presets.get("tiny", dataset="moons").model["latent_dims"] == (3,)
    assert presets.get("tiny", variant="wide").variant == "wide"
    assert presets.get("toy-plugin:tiny").name == "toy-plugin:tiny"
    model = presets.build("tiny", (4,), seed=0)
    assert model.latent_dims == (2,)
    assert model.optimizer is not None


def test_its_settings_are_not_changed_by_their_use(site):
    install_plugin(site)
    presets.get("tiny").model["network"]["hidden_units"] = (99,)
    assert presets.get("tiny").model["network"]["hidden_units"] == (8,)


def test_an_unknown_name_is_a_registry_error_and_a_value_error(site):
    install_plugin(site)
    with pytest.raises(
        UnknownPluginError, match=r"Available: .*tiny.*Did you mean 'tiny'\?"
    ) as hit:
        presets.get("tinny")
    assert isinstance(hit.value, ValueError)


def test_two_of_one_name_are_a_conflict_with_a_way_out(site):
    install_plugin(site)
    site.distribution("toy-rival", {GROUP: {"vhp": "toy_presets:tiny"}})
    with pytest.raises(PluginConflictError, match="'hiervae:vhp' or 'toy-rival:vhp'"):
        presets.get("vhp")
    assert presets.get("hiervae:vhp").model["prior"]["name"] == "vhp"
    assert presets.get("toy-rival:vhp").source == "a test"


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("raise RuntimeError('off')", BrokenPluginError, "'toy-other' 1.0.*RuntimeError: off"),
        ("make = 3", IncompatiblePluginError, "Expected a function"),
        ("class make: pass", IncompatiblePluginError, "Expected a function"),
        ("def make(): pass", IncompatiblePluginError, r"Expected a function f\(dataset=None, var"),
        (
            "def make(dataset=None, variant='paper'): return {}",
            IncompatiblePluginError,
            r"'toy-other' 1\.0.*returned \{\} of type dict.*Expected a hiervae\.presets\.Preset",
        ),
        (
            "def make(dataset=None, variant='paper'): return 1 / 0",
            BrokenPluginError,
            r"'toy-other' 1\.0.*failed: ZeroDivisionError",
        ),
        (
            "def make(dataset=None, variant='paper'): raise ValueError('my own words')",
            ValueError,
            "^my own words$",
        ),
    ],
)
def test_a_broken_one_harms_nobody_until_asked_for(site, source, error, message):
    offer(site, source)
    assert "other" in presets.names()
    assert presets.get("vhp").name == "vhp"
    with pytest.raises(error, match=message):
        presets.get("other")


def test_a_variant_that_the_function_ignores_is_refused(site):
    offer(
        site,
        """
        from hiervae.presets import Preset

        def make(dataset=None, variant="paper"):
            return Preset("other", "paper", {}, {}, None, {}, "")
        """,
    )
    with pytest.raises(ValueError, match="'other' has no variant 'code'; it returned 'paper'"):
        presets.get("other", variant="code")


def test_they_can_be_switched_off(site, monkeypatch):
    install_plugin(site)
    monkeypatch.setenv("HIERVAE_DISABLE_PLUGINS", "1")
    assert "tiny" not in presets.names()
    with pytest.raises(UnknownPluginError, match="HIERVAE_DISABLE_PLUGINS"):
        presets.get("tiny")
