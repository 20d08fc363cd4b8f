"""Plugins as users meet them: installed from wheels, in processes of their own."""

import json

import pytest

pytestmark = pytest.mark.packaging

CREATE = """
from toy_interface import Toy
import traceback
caught = None
try:
    print(registry.create(G, {spec!r}, Toy))
except errors.HiervaeError as error:
    print(json.dumps([type(error).__name__, str(error), type(error.__cause__).__name__]))
"""


@pytest.fixture(scope="module")
def crowded(wheels, new_environment):
    """hiervae beside good, rival, broken and unfit plugins."""
    others = ("Toy.Good 2.0", "toy-shadow 1.0")
    return new_environment(*(wheel for key, wheel in wheels.items() if key not in others))


def refusal(environment, spec, env=None):
    """Type, message and cause of the error that `create` raises."""
    return json.loads(environment.run_registry(CREATE.format(spec=spec), env))


def test_the_registry_is_the_installed_one(crowded):
    location = crowded.run_registry("print(registry.__file__)").strip()
    assert location.startswith(str(crowded.folder))


def test_every_plugin_is_listed_and_none_imported(crowded, wheels):
    script = """
    rows = [(r.name, r.distribution, r.version, r.target, r.conflict) for r in registry.entries(G)]
    loaded = sorted(name for name in sys.modules if name.startswith(("toy_", "keras")))
    print(json.dumps([rows, registry.available(G), loaded]))
    """
    rows, names, loaded = json.loads(crowded.run_registry(script))
    assert loaded == []
    own = ["mixture_of_gaussians", "standard_normal", "vamp", "vamp_data", "vhp"]
    assert names == sorted(["broken", "good", "newer", "shared", "strange", *own])
    assert [row for row in rows if not row[3].startswith("hiervae.")] == [
        ["broken", "toy-broken", "0.9", "toy_broken:Part", False],
        ["good", "Toy.Good", "1.0", "toy_good:Part", False],
        ["newer", "toy-newer", "7.0", "toy_newer:Part", False],
        ["shared", "Toy.Good", "1.0", "toy_good:Part", True],
        ["shared", "toy-rival", "0.3", "toy_rival:Part", True],
        ["strange", "toy-stranger", "1.1", "toy_stranger:Part", False],
    ]


def test_a_plugin_is_made_saved_and_restored_and_no_other_imported(crowded):
    script = """
    from toy_interface import Toy
    part = registry.create(G, {"name": "good", "width": 7}, Toy)
    record = json.loads(json.dumps(registry.describe(G, part)))
    again = registry.restore(G, record, Toy)
    others = sorted(n for n in sys.modules if n.startswith(("toy_", "keras")))
    print(json.dumps([record, type(again).__module__, again.width, others]))
    """
    record, module, width, modules = json.loads(crowded.run_registry(script))
    assert record == {
        "name": "good",
        "distribution": "Toy.Good",
        "version": "1.0",
        "config": {"width": 7},
    }
    assert (module, width) == ("toy_good", 7)
    assert modules == ["toy_good", "toy_interface"]


def test_a_conflict_names_both_and_the_qualified_name_resolves_it(crowded):
    kind, message, _ = refusal(crowded, "shared")
    assert kind == "PluginConflictError"
    for part in ("'Toy.Good' 1.0", "'toy-rival' 0.3", "'Toy.Good:shared' or 'toy-rival:shared'"):
        assert part in message
    assert "toy_good.Part" in crowded.run_registry(CREATE.format(spec="toy-good:shared"))
    assert "toy_rival.Part" in crowded.run_registry(
        CREATE.format(spec={"name": "toy-rival:shared"})
    )


def test_a_broken_plugin_is_named_with_its_own_exception(crowded):
    kind, message, cause = refusal(crowded, "broken")
    assert (kind, cause) == ("BrokenPluginError", "ModuleNotFoundError")
    for part in ("'toy-broken' 0.9", "'toy_broken:Part'", "toy_absent"):
        assert part in message


def test_a_plugin_of_the_wrong_type_is_refused(crowded):
    kind, message, _ = refusal(crowded, "strange")
    assert kind == "IncompatiblePluginError"
    for part in ("'toy-stranger' 1.1", "toy_stranger.Part", "subclass of toy_interface.Toy"):
        assert part in message


def test_a_plugin_of_another_interface_version_is_refused(crowded):
    kind, message, _ = refusal(crowded, "newer")
    assert kind == "IncompatiblePluginError"
    for part in ("'toy-newer' 7.0", "interface version 2", "interface version 1"):
        assert part in message


def test_an_unknown_name_is_answered_with_the_nearest(crowded):
    kind, message, _ = refusal(crowded, "goood")
    assert kind == "UnknownPluginError"
    assert "Did you mean 'good'?" in message


@pytest.mark.parametrize(
    ("group", "name"), [("hiervae.presets", "tiny"), ("hiervae.datasets", "moons")]
)
def test_functions_are_found_and_no_other_imported(crowded, group, name):
    script = f"""
    listed = {name!r} in registry.available({group!r})
    found = registry.load({group!r}, {name!r})
    others = sorted(n for n in sys.modules if n.startswith(("toy_", "keras")))
    print(json.dumps([listed, found.__module__, found.__qualname__, others]))
    """
    expected = [True, "toy_functions", name, ["toy_functions"]]
    assert json.loads(crowded.run_registry(script)) == expected


def test_the_disable_switch_leaves_the_built_in_parts(crowded):
    disabled = {"HIERVAE_DISABLE_PLUGINS": "1"}
    script = (
        "print(*sorted({r.distribution for g in registry.GROUPS for r in registry.entries(g)}))"
    )
    assert crowded.run_registry(script, disabled).split() == ["hiervae"]
    assert crowded.run_registry(script).split() != ["hiervae"]
    kind, message, _ = refusal(crowded, "good", disabled)
    assert kind == "UnknownPluginError"
    assert "HIERVAE_DISABLE_PLUGINS" in message
