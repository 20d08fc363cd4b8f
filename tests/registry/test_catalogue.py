import subprocess
import sys
from importlib import metadata

import pytest

import hiervae.errors
from hiervae import registry
from hiervae.registry import PluginEntry

PRIORS = "hiervae.priors"


def test_the_groups_are_the_extension_points():
    assert registry.GROUPS == (
        "hiervae.priors",
        "hiervae.inference",
        "hiervae.schedulers",
        "hiervae.likelihoods",
        "hiervae.networks",
        "hiervae.datasets",
        "hiervae.presets",
    )
    assert [role.group for role in registry.ROLES.values()] == list(registry.GROUPS[:5])


@pytest.mark.parametrize("group", registry.GROUPS)
def test_the_built_in_parts_are_listed_from_the_installed_metadata(group):
    declared = {
        point.name: point.value
        for point in metadata.distribution("hiervae").entry_points
        if point.group == group
    }
    rows = [row for row in registry.entries(group) if row.distribution == "hiervae"]
    assert {row.name: row.target for row in rows} == declared
    assert {row.version for row in rows} == {metadata.version("hiervae")}
    assert set(declared) <= set(registry.available(group))


def test_listing_imports_no_plugin(site):
    site.module("toy_broken", "raise RuntimeError('imported')")
    site.distribution("toy-plugin", {PRIORS: {"aardvark": "toy_broken:Aardvark"}}, version="3.1")
    names = registry.available(PRIORS)
    assert names == tuple(sorted(names))
    assert names[0] == "aardvark"
    assert registry.entries(PRIORS)[0] == PluginEntry(
        PRIORS, "aardvark", "toy-plugin", "3.1", "toy_broken:Aardvark", conflict=False
    )
    assert "toy_broken" not in sys.modules


def test_other_groups_are_not_mixed_up(site):
    site.distribution("toy-plugin", {PRIORS: {"toy": "a:B"}, "console_scripts": {"toy2": "a:C"}})
    assert "toy" not in registry.available("hiervae.networks")
    assert not {"toy2"} & {name for group in registry.GROUPS for name in registry.available(group)}


def test_an_unknown_group_is_an_error_with_the_nearest_match():
    for ask in (registry.available, registry.entries):
        with pytest.raises(hiervae.errors.RegistryError, match=r"Did you mean 'hiervae\.priors'"):
            ask("hiervae.prior")
    with pytest.raises(hiervae.errors.RegistryError, match=r"Expected one of hiervae\.priors, "):
        registry.load("zzz", "vhp")
    with pytest.raises(hiervae.errors.RegistryError, match="Unknown plugin group"):
        registry.available(["hiervae.priors"])


def test_two_distributions_with_one_name_are_flagged(site):
    site.distribution("toy-one", {PRIORS: {"toy": "toy_a:A", "fine": "toy_a:F"}})
    site.distribution("toy-two", {PRIORS: {"toy": "toy_b:B"}})
    flags = {row.qualified_name: row.conflict for row in registry.entries(PRIORS)}
    assert flags["toy-one:toy"]
    assert flags["toy-two:toy"]
    assert not flags["toy-one:fine"]
    assert registry.available(PRIORS).count("toy") == 1


def test_one_distribution_twice_on_the_path_is_no_conflict_and_the_first_counts(new_site):
    new_site().distribution("Toy.Plugin", {PRIORS: {"toy": "toy_old:A"}}, "1.0", "Toy.Plugin")
    new_site().distribution("toy-plugin", {PRIORS: {"toy": "toy_new:A"}}, "2.0")
    rows = [row for row in registry.entries(PRIORS) if row.name == "toy"]
    assert [(row.version, row.target, row.conflict) for row in rows] == [
        ("2.0", "toy_new:A", False)
    ]


def test_a_newer_release_without_the_name_hides_the_older_one(new_site):
    new_site().distribution("toy-plugin", {PRIORS: {"toy": "toy_old:A"}}, "1.0")
    new_site().distribution("toy-plugin", {"console_scripts": {"toy": "toy_new:A"}}, "2.0")
    assert "toy" not in registry.available(PRIORS)


def test_an_exact_repeat_of_an_entry_point_does_not_count(site):
    site.distribution("toy-plugin", f"[{PRIORS}]\ntoy = a:B\ntoy = a:B\n")
    rows = [row for row in registry.entries(PRIORS) if row.name == "toy"]
    assert [row.conflict for row in rows] == [False]


@pytest.mark.parametrize("damage", ["[hiervae.priors]\nno equals sign\n", "[hiervae.priors]\n=\n"])
def test_damaged_metadata_hides_no_other_distribution(site, damage):
    site.distribution("toy-damaged", damage)
    site.distribution("toy-fine", {PRIORS: {"toy": "a:B"}})
    assert {"toy", "vhp"} <= set(registry.available(PRIORS))


def test_a_damaged_release_in_front_of_an_older_one_hides_no_other_distribution(new_site):
    older, newer = new_site(), new_site()
    older.distribution("toy-plugin", {PRIORS: {"toy": "a:B"}}, "1.0")
    newer.distribution("toy-plugin", "[hiervae.priors]\nno equals sign\n", "2.0")
    assert "vhp" in registry.available(PRIORS)
    assert "toy" not in registry.available(PRIORS)


def test_damaged_metadata_is_named_when_a_name_is_not_found(site):
    site.distribution("toy-damaged", "[hiervae.priors]\nno equals sign\n")
    with pytest.raises(hiervae.errors.UnknownPluginError, match="damaged, reinstall: toy-damaged"):
        registry.load(PRIORS, "lost")


def test_metadata_without_a_name_is_skipped(site):
    site.distribution("toy-nameless", {PRIORS: {"toy": "a:B"}})
    (site.folder / "toy_nameless-1.0.dist-info" / "METADATA").unlink()
    registry.refresh()
    assert "toy" not in registry.available(PRIORS)
    assert "vhp" in registry.available(PRIORS)
    with pytest.raises(hiervae.errors.UnknownPluginError, match=r"unnamed distribution in .*site"):
        registry.load(PRIORS, "toy")


@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_the_disable_switch_leaves_the_built_in_parts(site, monkeypatch, value):
    rows = registry.entries(PRIORS)
    built_in = tuple(row.name for row in rows if row.distribution == "hiervae")
    site.distribution("toy-plugin", {PRIORS: {"toy": "a:B", "vhp": "a:C"}})
    assert any(row.conflict for row in registry.entries(PRIORS))
    monkeypatch.setenv("HIERVAE_DISABLE_PLUGINS", value)
    assert registry.available(PRIORS) == built_in
    assert not any(row.conflict for row in registry.entries(PRIORS))
    for name in ("toy", "toy-plugin:toy"):
        with pytest.raises(
            hiervae.errors.UnknownPluginError,
            match=r"distribution 'toy-plugin' 1.0.*HIERVAE_DISABLE_PLUGINS",
        ):
            registry.load(PRIORS, name)


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_the_disable_switch_can_be_off(site, monkeypatch, value):
    site.distribution("toy-plugin", {PRIORS: {"toy": "a:B"}})
    monkeypatch.setenv("HIERVAE_DISABLE_PLUGINS", value)
    assert "toy" in registry.available(PRIORS)


def test_refresh_sees_what_was_installed_meanwhile(site):
    registry.available(PRIORS)
    site.distribution("toy-plugin", {PRIORS: {"toy": "a:B"}}, refresh=False)
    assert "toy" not in registry.available(PRIORS)
    registry.refresh()
    assert "toy" in registry.available(PRIORS)


def test_a_source_tree_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    registry.refresh()
    for ask in (registry.available, registry.entries):
        with pytest.raises(hiervae.errors.RegistryError, match=r"pip install -e \."):
            ask(PRIORS)


def test_importing_the_registry_imports_neither_keras_nor_any_part():
    # The package's own __init__ may import its public names; the registry itself must not.
    script = """
import importlib.util, sys, types
parent = types.ModuleType("hiervae")
parent.__path__ = list(importlib.util.find_spec("hiervae").submodule_search_locations)
sys.modules["hiervae"] = parent
from hiervae import registry
for group in registry.GROUPS:
    registry.entries(group)
print(*sorted(name for name in sys.modules if name.split(".")[0] in {"keras", "numpy", "hiervae"}))
"""
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    helpers = {"hiervae", "hiervae.utils", "hiervae.utils.constructors"}
    allowed = ("hiervae.registry", "hiervae.errors", "hiervae.types")
    assert "hiervae.registry" in found
    assert [name for name in found if name not in helpers and not name.startswith(allowed)] == []
