"""Presets and data sets of another distribution on the command line."""

import json

import pytest

from tests.support.functions import install_plugin
from tests.support.site import clean, new_site, site

__all__ = ["clean", "new_site", "site"]


@pytest.fixture(autouse=True)
def plugin(site):
    install_plugin(site)
    return site


def test_they_train_a_run(hiervae, tmp_path):
    folder = tmp_path / "run"
    outcome = hiervae("train", "--preset", "tiny", "--dataset", "moons", "--out", folder)
    assert outcome.status == 0, outcome.err
    config = json.loads((folder / "config.json").read_text())
    assert (config["preset"], config["dataset"]["name"]) == ("tiny", "moons")
    assert config["model"]["latent_dims"] == [3]  # what the preset says of this data set
    assert config["versions"]["plugins"]["toy-plugin"] == "1.2"
    assert len((folder / "history.csv").read_text().splitlines()) == 2


def test_the_help_lists_the_preset(hiervae):
    assert ", tiny, " in " ".join(hiervae("train", "--help").out.split())


@pytest.mark.parametrize(
    ("option", "misspelt", "nearest"),
    [("--preset", "tinny", "tiny"), ("--dataset", "mons", "moons")],
)
def test_an_unknown_name_offers_the_nearest(hiervae, tmp_path, option, misspelt, nearest):
    outcome = hiervae("train", option, misspelt, "--out", tmp_path / "run")
    assert outcome.status == 2
    assert f"Did you mean {nearest!r}?" in outcome.error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("group", "name", "target"),
    [("presets", "tiny", "toy_presets:tiny"), ("datasets", "moons", "toy_moons:load")],
)
def test_plugins_lists_them(hiervae, group, name, target):
    outcome = hiervae("plugins", "--group", group, "--json")
    (row,) = (row for row in outcome.record["plugins"] if row["distribution"] == "toy-plugin")
    assert (row["group"], row["name"], row["version"]) == (f"hiervae.{group}", name, "1.2")
    assert row["target"] == target


def test_datasets_lists_it_beside_a_broken_one(hiervae, plugin):
    plugin.module("toy_broken", "raise RuntimeError('out of order')")
    plugin.distribution("toy-broken", {"hiervae.datasets": {"ruin": "toy_broken:load"}})
    outcome = hiervae("datasets")
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    assert any(line.startswith("moons ") and line.endswith("generated") for line in lines)
    assert any(line.startswith("ruin ") and "unusable" in line for line in lines)
    assert "out of order" in outcome.err


def test_plugins_says_which_entry_is_refused(hiervae, plugin):
    plugin.distribution("toy-thief", {"hiervae.presets": {"mine": "hiervae.presets.vhp:vhp"}})
    outcome = hiervae("plugins", "--group", "presets")
    (line,) = (line for line in outcome.out.splitlines() if line.startswith("mine "))
    assert line.endswith("REFUSED, see below")
    assert "'hiervae', which offers it as 'vhp'" in outcome.err


def test_an_unknown_group_lists_the_groups(hiervae):
    outcome = hiervae("plugins", "--group", "priorz")
    assert outcome.status == 2
    assert "'priorz': expected one of priors, inference, " in outcome.err
    assert "datasets, presets" in " ".join(hiervae("plugins", "--help").out.split())
