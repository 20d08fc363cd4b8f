"""Data sets and presets: entry points that name functions, under the contract of all plugins."""

import functools
import sys

import pytest

from hiervae import registry
from hiervae.errors import (
    BrokenPluginError,
    IncompatiblePluginError,
    PluginConflictError,
    RegistryError,
    UnknownPluginError,
)

GROUPS = ("hiervae.datasets", "hiervae.presets")

pytestmark = pytest.mark.parametrize("group", GROUPS)


def own():
    """A function that no distribution offers."""


def test_only_the_function_asked_for_is_imported(site, group):
    site.module("toy_wanted", "def make(): pass\nclass Holder:\n    make = staticmethod(make)")
    site.module("toy_other", "raise RuntimeError('imported')")
    points = {"wanted": "toy_wanted:make", "held": "toy_wanted:Holder.make", "other": "toy_other:f"}
    site.distribution("toy-plugin", {group: points})
    assert {*points} <= set(registry.available(group))
    assert "toy_wanted" not in sys.modules
    wanted = registry.load(group, "wanted")
    assert wanted is sys.modules["toy_wanted"].make
    assert registry.load(group, "toy-plugin:held") is wanted
    assert "toy_other" not in sys.modules


@pytest.mark.parametrize("target", ["toy_plain:Part", "toy_plain", "toy_plain:number"])
def test_what_is_no_function_is_refused(site, group, target):
    site.module("toy_plain", "class Part: pass\nnumber = 3")
    site.distribution("toy-plugin", {group: {"toy": target}})
    with pytest.raises(IncompatiblePluginError, match=r"'toy-plugin' 1\.0.*Expected a function"):
        registry.load(group, "toy")


def test_an_unknown_name_lists_what_exists_and_the_nearest(group):
    name = registry.available(group)[0]
    with pytest.raises(UnknownPluginError, match=rf"Available: .*Did you mean '{name}'\?") as hit:
        registry.load(group, name.upper())
    assert all(known in str(hit.value) for known in registry.available(group))


def test_a_conflict_names_both_and_the_way_out(site, group):
    name = registry.available(group)[-1]
    site.module("toy_rival", "def f(): return 'rival'")
    site.distribution("toy-rival", {group: {name: "toy_rival:f"}})
    with pytest.raises(PluginConflictError, match=f"'hiervae:{name}' or 'toy-rival:{name}'"):
        registry.load(group, name)
    assert registry.load(group, f"toy-rival:{name}")() == "rival"


def test_a_broken_plugin_names_distribution_version_and_target(site, group):
    site.module("toy_broken", "raise RuntimeError('out of order')")
    site.distribution("toy-broken", {group: {"toy": "toy_broken:f"}}, version="0.9")
    with pytest.raises(
        BrokenPluginError, match=r"'toy-broken' 0\.9, target 'toy_broken:f'.*out of order"
    ) as caught:
        registry.load(group, "toy")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_the_disable_switch_leaves_the_built_in_ones(site, group, monkeypatch):
    before = registry.available(group)
    site.distribution("toy-plugin", {group: {"toy": "toy_absent:f"}})
    monkeypatch.setenv("HIERVAE_DISABLE_PLUGINS", "1")
    assert registry.available(group) == before
    with pytest.raises(UnknownPluginError, match="HIERVAE_DISABLE_PLUGINS"):
        registry.load(group, "toy")


@pytest.mark.parametrize(
    ("target", "shown"),
    [(own, f"{__name__}:own"), (functools.partial(own), "functools.partial")],
)
def test_an_override_defines_a_function_for_a_while(group, target, shown):
    with registry.override(group, "toy", target):
        assert registry.load(group, "toy") is target
        (row,) = (row for row in registry.entries(group) if row.name == "toy")
        assert shown in row.target
    assert "toy" not in registry.available(group)


def test_an_override_by_a_class_is_refused(group):
    with (
        pytest.raises(IncompatiblePluginError, match='function or a string "module:function"'),
        registry.override(group, "toy", GroupedPart),
    ):
        pass


class GroupedPart:
    pass


def test_functions_are_no_parts(group):
    with pytest.raises(RegistryError, match=f"'{group}' holds functions, not parts"):
        registry.create(group, registry.available(group)[0], object)
    with pytest.raises(RegistryError, match="holds functions"):
        registry.describe(group, object())
    with pytest.raises(RegistryError, match="holds functions"):
        registry.restore(group, {}, object)
