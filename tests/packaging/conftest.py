"""Real wheels, built from source and installed into temporary environments."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import textwrap
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"

{entry_points}

[tool.hatch.build.targets.wheel]
only-include = ["{module}.py"]
"""

TOY = "from toy_interface import Toy\n\nclass Part(Toy):\n    pass\n"

PRIORS = "hiervae.priors"

# Distribution, version, module, its source, and entry points: of the priors, or by group.
PLUGINS = (
    (
        "toy-interface",
        "1.0",
        "toy_interface",
        """
        class Toy:
            interface_version = 1

            def __init__(self, width=2):
                self.width = width

            def get_config(self):
                return {"width": self.width}

            @classmethod
            def from_config(cls, config):
                return cls(**config)
        """,
        {},
    ),
    ("Toy.Good", "1.0", "toy_good", TOY, {"good": "toy_good:Part", "shared": "toy_good:Part"}),
    ("Toy.Good", "2.0", "toy_good", TOY, {"good": "toy_good:Part", "added": "toy_good:Part"}),
    ("toy-rival", "0.3", "toy_rival", TOY, {"shared": "toy_rival:Part"}),
    ("toy-broken", "0.9", "toy_broken", "import toy_absent", {"broken": "toy_broken:Part"}),
    ("toy-stranger", "1.1", "toy_stranger", "class Part: pass", {"strange": "toy_stranger:Part"}),
    ("toy-shadow", "1.0", "toy_shadow", "", {"mine": "toy_good:Part"}),
    (
        "toy-functions",
        "0.2",
        "toy_functions",
        "def tiny(): pass\n\ndef moons(): pass\n",
        {
            "hiervae.presets": {"tiny": "toy_functions:tiny"},
            "hiervae.datasets": {"moons": "toy_functions:moons"},
        },
    ),
    (
        "toy-newer",
        "7.0",
        "toy_newer",
        TOY.replace("pass", "interface_version = 2"),
        {"newer": "toy_newer:Part"},
    ),
)


def run(*command: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Standard output of a command; its errors make the test fail readably."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "PIP_", "HIERVAE_"))
    }
    quiet = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env={**inherited, **quiet, **(env or {})},
        cwd=cwd,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


BUILD = """
import os, sys
from hatchling import build
hook, out, *folders = sys.argv[1:]
for folder in folders:
    os.chdir(folder)
    print(getattr(build, hook)(out))
"""


def build(hook: str, out: Path, *folders: Path) -> list[Path]:
    """Archives made by a hook of the build backend, one a source folder."""
    return [out / name for name in run(sys.executable, "-c", BUILD, hook, out, *folders).split()]


class Environment:
    """A virtual environment; it may see the running one's packages behind its own."""

    def __init__(self, folder: Path, see_running_environment: bool = False) -> None:
        venv.create(folder, with_pip=False, symlinks=os.name != "nt")
        self.folder = folder
        self.sees_running_environment = see_running_environment
        paths = {"base": str(folder), "platbase": str(folder)}
        self.python = Path(sysconfig.get_path("scripts", "venv", paths), "python")
        if see_running_environment:
            behind = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
            own = Path(sysconfig.get_path("purelib", "venv", paths))
            own.joinpath("behind.pth").write_text("\n".join(sorted(behind)) + "\n")

    def pip_command(self, *arguments: str | Path) -> list[str]:
        """The running environment's pip, acting on this environment."""
        return [sys.executable, "-m", "pip", "--python", *map(str, [self.python, *arguments])]

    def install(self, *wheels: Path) -> None:
        # What only the running environment has is not installed here, whatever pip sees of it.
        options = ("--ignore-installed",) if self.sees_running_environment else ()
        run(*self.pip_command("install", "--no-deps", "--no-index", *options, *wheels))

    def uninstall(self, *distributions: str) -> None:
        run(*self.pip_command("uninstall", "--yes", *distributions))

    def run(
        self, script: str, env: Mapping[str, str] | None = None, arguments: Sequence[str] = ()
    ) -> str:
        """Output of a script."""
        command = [self.python, "-c", textwrap.dedent(script), *arguments]
        return run(*command, env=env, cwd=self.folder)

    def run_registry(
        self, script: str, env: Mapping[str, str] | None = None, arguments: Sequence[str] = ()
    ) -> str:
        """Output of a script that uses `registry`, without what `hiervae` imports beside it."""
        return self.run(BARE_REGISTRY + textwrap.dedent(script), env, arguments)


BARE_REGISTRY = """
import importlib.util, json, sys, types
parent = types.ModuleType("hiervae")
parent.__path__ = list(importlib.util.find_spec("hiervae").submodule_search_locations)
sys.modules["hiervae"] = parent
from hiervae import errors, registry
G = "hiervae.priors"
"""


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the source tree."""
    return ROOT


@pytest.fixture(scope="session", name="build")
def build_fixture() -> Callable[..., list[Path]]:
    return build


@pytest.fixture(scope="session")
def new_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Environment]:
    """Makes an environment with the given wheels installed."""

    def make(*wheels: Path, see_running_environment: bool = False) -> Environment:
        made = Environment(tmp_path_factory.mktemp("environment"), see_running_environment)
        if wheels:
            made.install(*wheels)
        return made

    return make


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Built wheels by "distribution version", hiervae's own as "hiervae"."""
    pytest.importorskip("hatchling", reason="builds wheels: pip install hatchling")
    sources, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheels")
    projects = {"hiervae": ROOT}
    for name, version, module, source, points in PLUGINS:
        folder = sources / f"{name}-{version}"
        folder.mkdir()
        folder.joinpath(f"{module}.py").write_text(textwrap.dedent(source))
        by_group = points if any(isinstance(each, dict) for each in points.values()) else {}
        lines = []
        for group, targets in (by_group or {PRIORS: points}).items():
            lines += [f'[project.entry-points."{group}"]'] if targets else []
            lines += [f'{key} = "{target}"' for key, target in targets.items()]
        folder.joinpath("pyproject.toml").write_text(
            PROJECT.format(name=name, version=version, module=module, entry_points="\n".join(lines))
        )
        projects[f"{name} {version}"] = folder
    built = build("build_wheel", out, *projects.values())
    return dict(zip(projects, built, strict=True))
