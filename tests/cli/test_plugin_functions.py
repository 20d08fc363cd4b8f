"""Presets and data sets of another distribution on the command line."""

import json

import pytest

from tests.support.functions import DATASET, PRESET, install_plugin
from tests.support.site import clean, new_site, site

__all__ = ["clean", "new_site", "site"]


@pytest.fixture(autouse=True)
def plugin(site):
    install_plugin(site)
    return site


@pytest.mark.compiles(0)
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


def broken(plugin, replaced, by):
    """Install `ruin`, the data set `moons` with some text of its module replaced."""
    assert replaced in DATASET
    plugin.module("toy_broken", DATASET.replace(replaced, by))
    plugin.distribution("toy-broken", {"hiervae.datasets": {"ruin": "toy_broken:load"}})


@pytest.mark.parametrize(
    ("replaced", "by", "reason"),
    [
        ("return Dataset(", "return {}['moons'] or (", "KeyError: 'moons'"),
        ("(train, valid,", "(train, None,", "valid is None of type NoneType; expected a NumPy"),
        ("(train, valid,", "(train, valid[:, :3],", "valid holds examples of shape (3,)"),
        ("(train, valid,", "(train, valid + np.nan,", "valid holds nan at position (0, 0)"),
        ("(4,)", "[]", "event_shape=[] of type list"),
    ],
)
def test_a_broken_data_set_is_one_line_and_no_run(hiervae, plugin, tmp_path, replaced, by, reason):
    broken(plugin, replaced, by)
    folder = tmp_path / "run"
    outcome = hiervae("train", "--preset", "tiny", "--dataset", "ruin", "--out", folder)
    assert outcome.status == 1
    assert "The data set 'ruin' (distribution 'toy-broken' 1.0" in outcome.error
    assert reason in outcome.error
    assert "unexpected" not in outcome.error
    assert not folder.exists()


def test_datasets_lists_the_others_beside_one_whose_facts_are_wrong(hiervae, plugin):
    broken(plugin, "sizes=", "files=('moons.npy',), sizes=")
    outcome = hiervae("datasets")
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    assert any(line.startswith("moons ") and line.endswith("generated") for line in lines)
    assert any(line.startswith("ruin ") and "unusable" in line for line in lines)
    assert "files=('moons.npy',)" in outcome.err


@pytest.mark.parametrize(
    ("replaced", "by", "reason"),
    [
        ('"latent_dims": (2,)', '"latents": (2,)', "has in model the unknown 'latents'"),
        ('"batch_size": 10', '"batch": 10', "has in training the unknown 'batch'"),
        ("(8,)}", "(8,)[3]}", "IndexError: tuple index out of range. Expected a"),
    ],
)
def test_a_broken_preset_is_one_line_and_no_run(hiervae, plugin, tmp_path, replaced, by, reason):
    source = PRESET.replace("SETTINGS = ", "def settings(): return ").replace(
        "model = SETTINGS if", "SETTINGS = settings(); model = SETTINGS if"
    )
    assert replaced in source
    plugin.module("toy_broken", source.replace(replaced, by))
    plugin.distribution("toy-broken", {"hiervae.presets": {"ruin": "toy_broken:tiny"}})
    folder = tmp_path / "run"
    outcome = hiervae("train", "--preset", "ruin", "--dataset", "moons", "--out", folder)
    assert outcome.status == 1
    assert "The preset 'ruin' (distribution 'toy-broken' 1.0" in outcome.error
    assert reason in outcome.error
    assert "unexpected" not in outcome.error
    assert not folder.exists()


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
