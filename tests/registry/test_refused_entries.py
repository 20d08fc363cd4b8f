"""Entry points without a name, and those for what another distribution owns."""

import pytest

from hiervae import registry
from hiervae.errors import BrokenPluginError, UnknownPluginError

PRIORS = "hiervae.priors"
VHP = "hiervae.priors.vhp:VariationalHierarchicalPrior"


def refused(group=PRIORS):
    return [row for row in registry.entries(group) if row.refusal]


@pytest.mark.parametrize("name", ["", " "])
def test_an_entry_point_without_a_name_is_refused(site, name):
    site.distribution("toy-plugin", f"[{PRIORS}]\n{name}= toy_absent:A\nfine = toy_absent:B\n")
    assert "" not in registry.available(PRIORS)
    assert {"fine", "vhp"} <= set(registry.available(PRIORS))
    (row,) = refused()
    assert row.target == "toy_absent:A"
    with pytest.raises(
        BrokenPluginError, match=r"'toy-plugin' 1\.0, target 'toy_absent:A' has an empty name"
    ):
        registry.load(PRIORS, "toy-plugin:")
    with pytest.raises(UnknownPluginError, match="has an empty name") as caught:
        registry.load(PRIORS, "lost")
    assert ", ," not in str(caught.value)


def test_an_entry_point_for_a_built_in_class_is_refused(site):
    site.distribution("toy-thief", {PRIORS: {"mine": VHP, "aaa": f"{VHP} [extra]"}}, version="3.0")
    assert [row.name for row in refused()] == ["aaa", "mine"]
    assert not {"aaa", "mine"} & set(registry.available(PRIORS))
    for name in ("mine", "toy-thief:mine"):
        with pytest.raises(
            BrokenPluginError,
            match=r"'mine' \(distribution 'toy-thief' 3\.0, .*'hiervae', which offers it as 'vhp'",
        ):
            registry.load(PRIORS, name)


def test_a_refused_entry_of_the_same_name_is_no_conflict(site):
    site.distribution("toy-thief", {PRIORS: {"vhp": VHP}})
    assert registry.load(PRIORS, "vhp").__name__ == "VariationalHierarchicalPrior"
    assert not any(row.conflict for row in registry.entries(PRIORS))
    with pytest.raises(BrokenPluginError, match="uninstall 'toy-thief'"):
        registry.load(PRIORS, "toy-thief:vhp")


def test_a_record_names_the_owner_of_a_class_that_another_distribution_names_too(site):
    site.distribution("aaa-thief", {PRIORS: {"aaa": VHP}})
    part = registry.load(PRIORS, "vhp")()
    record = registry.describe(PRIORS, part)
    assert (record["name"], record["distribution"]) == ("vhp", "hiervae")


def test_a_class_that_is_exported_again_is_refused_when_it_is_asked_for(site):
    site.module("toy_front", f"from {VHP.replace(':', ' import ')} as Mine")
    site.distribution("aaa-thief", {PRIORS: {"aaa": "toy_front:Mine"}})
    owner = registry.load(PRIORS, "vhp")
    with pytest.raises(BrokenPluginError, match="'hiervae', which offers it as 'vhp'"):
        registry.load(PRIORS, "aaa")
    assert registry.describe(PRIORS, owner())["distribution"] == "hiervae"


def test_the_owner_among_plugins_is_the_one_that_ships_the_module(site):
    site.module("toy_parts", "class A: pass")
    site.distribution("zzz-owner", {PRIORS: {"toy": "toy_parts:A"}}, files=["toy_parts.py"])
    site.distribution("aaa-thief", {PRIORS: {"other": "toy_parts:A"}}, files=["aaa.py"])
    assert [row.qualified_name for row in refused()] == ["aaa-thief:other"]
    assert registry.load(PRIORS, "toy").__name__ == "A"


def test_a_library_class_that_its_distribution_does_not_offer_may_be_named(site):
    site.module("toy_library", "class A: pass")
    site.distribution("toy-library", "", files=["toy_library.py"])
    site.distribution("toy-plugin", {PRIORS: {"toy": "toy_library:A"}}, files=["toy_plugin.py"])
    assert refused() == []
    assert registry.load(PRIORS, "toy").__name__ == "A"


def test_a_function_of_another_distribution_is_refused_too(site):
    site.distribution("toy-thief", {"hiervae.presets": {"mine": "hiervae.presets.vhp:vhp"}})
    with pytest.raises(BrokenPluginError, match="names a function of another distribution"):
        registry.load("hiervae.presets", "mine")
