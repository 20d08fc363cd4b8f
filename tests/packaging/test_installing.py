"""Installing, upgrading and uninstalling plugins, also beneath a running process."""

import json

import pytest

pytestmark = pytest.mark.packaging

RUNNING = """
import subprocess
from toy_interface import Toy
install, uninstall = json.loads(sys.argv[1])
record = {"name": "good", "distribution": "Toy.Good", "version": "1.0", "config": {"width": 7}}
seen = []

def look(action):
    listed = "good" in registry.available(G)
    try:
        seen.append([action, listed, registry.restore(G, record, Toy).width])
    except errors.UnknownPluginError as error:
        seen.append([action, listed, str(error)])

def pip(command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

look("start")
pip(install)
look("installed")
registry.refresh()
look("refreshed")
pip(uninstall)
registry.refresh()
look("uninstalled")
print(json.dumps(seen))
"""


def test_a_running_process_sees_an_install_after_refresh(wheels, new_environment):
    environment = new_environment(wheels["hiervae"], wheels["toy-interface 1.0"])
    install = environment.pip_command("install", "--no-deps", "--no-index", wheels["Toy.Good 1.0"])
    uninstall = environment.pip_command("uninstall", "--yes", "Toy.Good")
    seen = json.loads(
        environment.run_registry(RUNNING, arguments=[json.dumps([install, uninstall])])
    )
    assert [step[:2] for step in seen] == [
        ["start", False],
        ["installed", False],
        ["refreshed", True],
        ["uninstalled", False],
    ]
    assert 'pip install "Toy.Good==1.0"' in seen[0][2]
    assert "hiervae.registry.refresh()" in seen[1][2]
    assert seen[2][2] == 7
    assert 'pip install "Toy.Good==1.0"' in seen[3][2]


LIVE = """
import subprocess
from toy_interface import Toy

def made(name):
    try:
        record = registry.describe(G, registry.create(G, name, Toy))
    except errors.HiervaeError as error:
        return type(error).__name__
    return [record["distribution"], record["version"]]

seen = {}
for action, command in json.loads(sys.argv[1]).items():
    if command:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        registry.refresh()
    rows = [row for row in registry.entries(G) if row.distribution != "hiervae"]
    seen[action] = {
        "conflicts": sorted(row.distribution for row in rows if row.conflict),
        "refused": sorted(row.name for row in rows if row.refusal),
        "available": [row.name for row in rows if row.name in registry.available(G)],
        "made": {name: made(name) for name in sorted({row.name for row in rows})},
    }
print(json.dumps(seen))
"""


def test_a_running_process_sees_a_conflict_an_upgrade_a_shadow_and_a_break(wheels, new_environment):
    keys = ("hiervae", "toy-interface 1.0", "Toy.Good 1.0")
    environment = new_environment(*(wheels[key] for key in keys))

    def install(key):
        options = ("install", "--no-deps", "--no-index")
        return environment.pip_command(*options, wheels[key])

    commands = {
        "start": [],
        "conflict": install("toy-rival 0.3"),
        "upgrade": install("Toy.Good 2.0"),
        "shadow": install("toy-shadow 1.0"),
        "break": install("toy-broken 0.9"),
        "removal": environment.pip_command("uninstall", "--yes", "toy-rival", "toy-shadow"),
    }
    seen = json.loads(environment.run_registry(LIVE, arguments=[json.dumps(commands)]))
    old, new, rival = ["Toy.Good", "1.0"], ["Toy.Good", "2.0"], ["toy-rival", "0.3"]
    assert seen["start"]["made"] == {"good": old, "shared": old}
    assert seen["conflict"]["conflicts"] == ["Toy.Good", "toy-rival"]
    assert seen["conflict"]["made"] == {"good": old, "shared": "PluginConflictError"}
    assert seen["upgrade"]["conflicts"] == []
    assert seen["upgrade"]["made"] == {"added": new, "good": new, "shared": rival}
    assert seen["shadow"]["refused"] == ["mine"]
    assert seen["shadow"]["available"] == ["added", "good", "shared"]
    assert seen["shadow"]["made"] == {**seen["upgrade"]["made"], "mine": "BrokenPluginError"}
    assert seen["break"]["made"] == {**seen["shadow"]["made"], "broken": "BrokenPluginError"}
    assert "broken" in seen["break"]["available"]
    assert seen["removal"]["made"] == {"added": new, "good": new, "broken": "BrokenPluginError"}


def test_a_plugin_breaks_while_what_it_needs_is_removed(wheels, new_environment):
    keys = ("hiervae", "toy-interface 1.0", "Toy.Good 1.0", "toy-rival 0.3")
    environment = new_environment(*(wheels[key] for key in keys))
    script = """
    try:
        outcome = registry.load(G, "good").__module__
    except errors.BrokenPluginError as error:
        outcome = str(error)
    names = [row.name for row in registry.entries(G) if row.distribution == "Toy.Good"]
    print(json.dumps([outcome, names]))
    """
    whole = ["toy_good", ["good", "shared"]]
    assert json.loads(environment.run_registry(script)) == whole
    environment.uninstall("toy-interface")
    message, names = json.loads(environment.run_registry(script))
    assert "'Toy.Good' 1.0" in message
    assert "No module named 'toy_interface'" in message
    assert names == whole[1]
    environment.install(wheels["toy-interface 1.0"])
    assert json.loads(environment.run_registry(script)) == whole


def test_an_upgrade_and_an_uninstall_are_seen_by_the_next_process(wheels, new_environment):
    environment = new_environment(
        wheels["hiervae"], wheels["toy-interface 1.0"], wheels["Toy.Good 1.0"]
    )
    script = """
    rows = [r for r in registry.entries(G) if r.distribution != "hiervae"]
    print(json.dumps([[r.name, r.version, r.conflict] for r in rows]))
    """
    assert json.loads(environment.run_registry(script)) == [
        ["good", "1.0", False],
        ["shared", "1.0", False],
    ]
    environment.install(wheels["Toy.Good 2.0"])
    assert json.loads(environment.run_registry(script)) == [
        ["added", "2.0", False],
        ["good", "2.0", False],
    ]
    lost = """
    from toy_interface import Toy
    record = {"name": "shared", "distribution": "Toy.Good", "version": "1.0", "config": {}}
    try:
        registry.restore(G, record, Toy)
    except errors.UnknownPluginError as error:
        print(error)
    """
    message = environment.run_registry(lost)
    assert "the installed 2.0 lacks it" in message
    assert 'pip install "Toy.Good==1.0"' in message
    environment.uninstall("toy-good")
    assert json.loads(environment.run_registry(script)) == []


def test_a_source_tree_on_the_path_alone_says_how_to_install_it(new_environment, root):
    bare = new_environment()
    script = """
    try:
        registry.available(G)
    except errors.RegistryError as error:
        print(error)
    """
    message = bare.run_registry(script, {"PYTHONPATH": str(root)})
    assert "pip install -e ." in message
    assert message.count("\n") == 1


def test_a_wheel_that_offers_what_another_owns_is_refused(wheels, new_environment):
    keys = ("hiervae", "toy-interface 1.0", "Toy.Good 1.0", "toy-shadow 1.0")
    environment = new_environment(*(wheels[key] for key in keys))
    script = """
    rows = [r for r in registry.entries(G) if r.distribution == "toy-shadow"]
    print(json.dumps([[r.name, r.refusal] for r in rows] + [registry.available(G)]))
    """
    (name, refusal), names = json.loads(environment.run_registry(script))
    assert name == "mine"
    assert "uninstall 'toy-shadow'" in refusal
    assert "good" in names
    assert "mine" not in names
    environment.uninstall("toy-good")
    (name, refusal), names = json.loads(environment.run_registry(script))
    assert refusal == ""


MANY = 200

LISTING = """
import importlib.metadata
import time
ours, theirs = [], []
for _ in range(7):
    registry.refresh()
    begun = time.process_time()
    rows = [row for group in registry.GROUPS for row in registry.entries(group)]
    listed = time.process_time()
    for distribution in importlib.metadata.distributions():
        distribution.name, distribution.version, list(distribution.entry_points)
    ours.append(listed - begun)
    theirs.append(time.process_time() - listed)
imported = [name for name in sys.modules if name.startswith("many_")]
count = sum(row.name.startswith("part_") for row in rows)
print(json.dumps([count, imported, min(ours), min(theirs)]))
"""


def test_two_hundred_plugins_are_listed_within_50_ms_and_none_is_imported(wheels, new_environment):
    environment = new_environment(wheels["hiervae"])
    (own,) = environment.folder.rglob("site-packages")
    for number in range(MANY):
        info = own / f"many_{number}-1.0.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: many-{number}\nVersion: 1.0\n"
        )
        info.joinpath("entry_points.txt").write_text(
            f"[hiervae.priors]\npart_{number} = many_{number}:Part\n"
        )
        info.joinpath("RECORD").write_text(f"many_{number}.py,,\n")
    count, imported, ours, theirs = json.loads(environment.run_registry(LISTING))
    assert count == MANY
    assert imported == []
    # On a slow machine, a few times what Python takes to read them and nothing else.
    assert ours < max(0.05, 4.0 * theirs)
