import importlib
import sys
import tomllib
from pathlib import Path

import pytest

from hiervae import registry
from hiervae.errors import (
    BrokenPluginError,
    HiervaeError,
    IncompatiblePluginError,
    PluginConflictError,
    RegistryError,
    UnknownPluginError,
)
from hiervae.registry.explanations import KNOWN_PLUGINS

PRIORS = "hiervae.priors"


def test_only_the_part_asked_for_is_imported(site):
    site.module("toy_wanted", "class A: pass")
    site.module("toy_other", "class A: pass")
    site.distribution("toy-plugin", {PRIORS: {"wanted": "toy_wanted:A", "other": "toy_other:A"}})
    assert registry.load(PRIORS, "wanted") is importlib.import_module("toy_wanted").A
    assert "toy_other" not in sys.modules


def test_a_nested_class_and_an_extra_resolve(site):
    site.module("toy_pkg.inner", "class Outer:\n    class Inner: pass")
    site.distribution("toy-plugin", {PRIORS: {"toy": "toy_pkg.inner:Outer.Inner [extra]"}})
    assert registry.load(PRIORS, "toy").__qualname__ == "Outer.Inner"


def test_a_conflict_names_both_distributions_and_the_way_out(site):
    site.module("toy_a", "class A: pass")
    site.module("toy_b", "class B: pass")
    site.distribution("toy-one", {PRIORS: {"toy": "toy_a:A"}}, version="1.5")
    site.distribution("toy-two", {PRIORS: {"toy": "toy_b:B"}}, version="2.5")
    with pytest.raises(PluginConflictError, match="offered by 2 distributions") as caught:
        registry.load(PRIORS, "toy")
    message = str(caught.value)
    for part in ("'toy-one' 1.5", "'toy-two' 2.5", "toy_a:A", "toy_b:B", "'toy-two:toy'"):
        assert part in message
    assert not {"toy_a", "toy_b"} & set(sys.modules)
    assert registry.load(PRIORS, "toy-two:toy").__name__ == "B"
    assert registry.load(PRIORS, "Toy_One:toy").__name__ == "A"


def test_a_plugin_cannot_take_the_place_of_a_built_in_part_silently(site):
    site.distribution("toy-plugin", {PRIORS: {"vhp": "toy_a:A"}})
    with pytest.raises(PluginConflictError, match=r"'hiervae:vhp' or 'toy-plugin:vhp'"):
        registry.load(PRIORS, "vhp")


def test_a_distribution_that_contradicts_itself_is_reported(site):
    site.distribution("toy-plugin", f"[{PRIORS}]\ntoy = a:B\ntoy = a:C\n")
    with pytest.raises(PluginConflictError, match="more than once by one distribution"):
        registry.load(PRIORS, "toy-plugin:toy")


@pytest.mark.parametrize("asked", ["vhq", "VHP", "vhpp"])
def test_an_unknown_name_lists_what_exists_and_the_nearest_match(asked):
    with pytest.raises(UnknownPluginError, match=f"Unknown prior {asked!r}") as caught:
        registry.load(PRIORS, asked)
    message = str(caught.value)
    assert repr(asked) in message
    assert all(name in message for name in registry.available(PRIORS))
    assert "Did you mean 'vhp'?" in message


def test_an_unknown_name_far_from_all_suggests_nothing():
    with pytest.raises(UnknownPluginError, match="Unknown prior 'qqqqqq'") as caught:
        registry.load(PRIORS, "qqqqqq")
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("asked", ["cauchy", "hiervae-cauchy:cauchy", "Hiervae.Cauchy:cauchy"])
def test_a_known_plugin_that_is_not_installed_says_what_to_install(asked, monkeypatch):
    monkeypatch.setitem(KNOWN_PLUGINS, (PRIORS, "cauchy"), "hiervae-cauchy")
    with pytest.raises(UnknownPluginError, match='It comes with a plugin: pip install "hiervae-ca'):
        registry.load(PRIORS, asked)


def test_a_misspelt_known_plugin_says_its_name_and_what_to_install(monkeypatch):
    monkeypatch.setitem(KNOWN_PLUGINS, (PRIORS, "cauchy"), "hiervae-cauchy")
    with pytest.raises(
        UnknownPluginError, match=r"Did you mean 'cauchy'\? .*pip install \"hiervae-cauchy\""
    ):
        registry.load(PRIORS, "cauhcy")


@pytest.mark.parametrize("asked", ["elsewhere:cauchy", "cauchy_of_another_group"])
def test_nothing_else_is_to_be_installed(asked, monkeypatch):
    monkeypatch.setitem(KNOWN_PLUGINS, (PRIORS, "cauchy"), "hiervae-cauchy")
    with pytest.raises(UnknownPluginError, match="Unknown .*cauchy") as caught:
        registry.load(PRIORS if ":" in asked else "hiervae.networks", asked)
    assert "pip install" not in str(caught.value)


def test_the_projects_own_plugins_are_known():
    declared = {}
    for file in (Path(__file__).parents[2] / "plugins").glob("*/pyproject.toml"):
        project = tomllib.loads(file.read_text())["project"]
        for group, points in project.get("entry-points", {}).items():
            declared.update({(group, name): project["name"] for name in points})
    assert declared == KNOWN_PLUGINS
    assert {group for group, _ in KNOWN_PLUGINS} <= set(registry.GROUPS)


def test_an_unknown_distribution_suggests_a_qualified_name():
    with pytest.raises(UnknownPluginError, match="Did you mean 'hiervae:vhp'"):
        registry.load(PRIORS, "hiervea:vhp")


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("raise RuntimeError('out of order')", RuntimeError),
        ("import toy_module_that_is_missing", ModuleNotFoundError),
        ("class Other: pass", AttributeError),
        ("def f(:", SyntaxError),
        ("raise SystemExit(3)", SystemExit),
    ],
)
def test_a_broken_plugin_harms_nobody_until_asked_for(site, source, cause):
    site.module("toy_broken", source)
    site.module("toy_fine", "class A: pass")
    site.distribution("toy-broken", {PRIORS: {"broken": "toy_broken:A"}}, version="0.9")
    site.distribution("toy-fine", {PRIORS: {"fine": "toy_fine:A"}})
    assert "broken" in registry.available(PRIORS)
    assert registry.load(PRIORS, "fine").__name__ == "A"
    with pytest.raises(BrokenPluginError, match="cannot be imported") as caught:
        registry.load(PRIORS, "broken")
    assert isinstance(caught.value.__cause__, cause)
    for part in ("'toy-broken' 0.9", "'toy_broken:A'", cause.__name__):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_malformed_target_is_a_broken_plugin(site):
    site.distribution("toy-broken", {PRIORS: {"broken": "not a target!"}})
    with pytest.raises(BrokenPluginError, match="not a target!"):
        registry.load(PRIORS, "broken")


def test_a_broken_plugin_works_once_it_is_repaired(site):
    site.module("toy_repaired", "raise RuntimeError")
    site.distribution("toy-plugin", {PRIORS: {"toy": "toy_repaired:Mended"}})
    with pytest.raises(BrokenPluginError, match="RuntimeError"):
        registry.load(PRIORS, "toy")
    site.module("toy_repaired", "class Mended: pass  # longer than before, so recompiled")
    registry.refresh()
    assert registry.load(PRIORS, "toy").__name__ == "Mended"


@pytest.mark.parametrize("target", ["toy_plain:function", "toy_plain", "toy_plain:instance"])
def test_a_target_that_is_no_class_is_refused(site, target):
    site.module("toy_plain", "def function(): pass\ninstance = 3")
    site.distribution("toy-plugin", {PRIORS: {"toy": target}})
    with pytest.raises(IncompatiblePluginError, match=r"'toy-plugin' 1\.0.*Expected a class"):
        registry.load(PRIORS, "toy")


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_must_be_a_string(name):
    with pytest.raises(IncompatiblePluginError, match="Expected a string"):
        registry.load(PRIORS, name)


def test_the_errors_are_the_packages_own():
    for error in (UnknownPluginError, PluginConflictError, BrokenPluginError):
        assert issubclass(error, RegistryError)
    assert issubclass(registry.InvalidOptionError, HiervaeError)
    assert issubclass(registry.InvalidOptionError, ValueError)
