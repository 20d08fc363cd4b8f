"""`hiervae new-plugin`."""

from __future__ import annotations

import argparse
import keyword
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from hiervae.cli.console import Console
from hiervae.cli.parsing import add_command
from hiervae.cli.usage_error import UsageError
from hiervae.errors import HiervaeError

EXAMPLES = """\
  hiervae new-plugin prior ring                     makes hiervae-ring/ with a prior 'ring'
  hiervae new-plugin scheduler cosine --out ~/code  makes ~/code/hiervae-cosine/
"""

KINDS = ("prior", "inference", "likelihood", "network", "scheduler")

TEMPLATE = Path(__file__).parent / "template"


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "new-plugin",
        run,
        "make a distribution with a part of your own to start from",
        "Write a distribution with a working part of a kind, its entry point, README and tests by "
        "the conformance kit, which pass as they are. Needs the extra hiervae[plugins].",
        EXAMPLES,
    )
    parser.add_argument("kind", choices=KINDS, help=f"kind of part: {', '.join(KINDS)}")
    parser.add_argument("name", metavar="NAME", help="name of the part, such as `ring`")
    parser.add_argument(
        "--out", metavar="DIR", default=".", help="where to make its folder (default here)"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Write the distribution."""
    from hiervae import registry

    role = registry.ROLES[arguments.kind]
    name = check_name(arguments.name)
    for row in registry.entries(role.group):
        if row.name == name:
            raise UsageError(
                f"NAME {name!r} is taken: {row.distribution} offers a {role.label} of this name "
                f"({row.target}). Choose another; `hiervae plugins` lists them."
            )
    _refuse_distribution(role.group, name)
    folder = Path(arguments.out).expanduser() / distribution_name(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty. Choose another NAME or --out.")
    write(arguments.kind, name, folder)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    console.say(f"Made {folder}, {role.label} {name!r}:")
    for file in files:
        console.say(f"  {file}")
    console.say("\nNext:")
    console.say(f"  cd {folder}")
    console.say('  pip install -e ".[test]"')
    console.say("  KERAS_BACKEND=torch pytest      and with jax, tensorflow")
    console.say(f"  hiervae train {setting(arguments.kind, name)}")
    console.say(f"Then make src/{package_name(name)}/{name}.py your own.")
    console.result({"folder": str(folder), "files": files, "distribution": distribution_name(name)})
    return 0


def _refuse_distribution(group: str, name: str) -> None:
    """Refuse a name whose distribution would replace another when it is installed."""
    from hiervae.registry.explanations import KNOWN_PLUGINS

    distribution = distribution_name(name)
    owner = KNOWN_PLUGINS.get((group, name), distribution)
    known = owner in KNOWN_PLUGINS.values()
    if not known:
        try:
            metadata.version(distribution)
        except metadata.PackageNotFoundError:
            return
    why = "a plugin of this project" if known else "which is installed"
    raise UsageError(f"NAME {name!r} belongs to {owner}, {why}. Choose another.")


def write(kind: str, name: str, folder: Path) -> None:
    """Write a distribution into a folder that is not there yet.

    Raises:
        HiervaeError: if copier, which the extra `hiervae[plugins]` brings, is not installed.
    """
    try:
        import copier
    except ImportError as error:
        raise HiervaeError(
            "hiervae new-plugin needs copier, which is not installed. Run "
            '`pip install "hiervae[plugins]"`.'
        ) from error

    from hiervae import registry

    role = registry.ROLES[kind]
    data = {
        "kind": kind,
        "label": role.label,
        "group": role.group,
        "name": name,
        "class_name": "".join(word.capitalize() for word in name.split("_")),
        "package": package_name(name),
        "distribution": distribution_name(name),
        "hiervae_version": metadata.version("hiervae"),
        "setting": setting(kind, name),
    }
    copier.run_copy(str(TEMPLATE), folder, data, defaults=True, quiet=True)


def check_name(name: str) -> str:
    """`name` if a part can have it.

    Raises:
        UsageError: if it is not lower-case words joined by underscores.
    """
    if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) and not keyword.iskeyword(name):
        return name
    words = "_".join(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()))
    proposal = re.sub(r"^[0-9_]+", "", words)
    known = proposal and not keyword.iskeyword(proposal)
    raise UsageError(
        f"NAME {name!r}: expected lower-case words joined by underscores, such as "
        f"{(proposal if known else 'my_part')!r}."
    )


def distribution_name(name: str) -> str:
    """Return the name of the distribution of a part."""
    return f"hiervae-{name.replace('_', '-')}"


def package_name(name: str) -> str:
    """Return the name of the package that defines a part."""
    return f"hiervae_{name}"


def setting(kind: str, name: str) -> str:
    """Return the option of `hiervae train` that uses a part."""
    return f"--scheduler {name}" if kind == "scheduler" else f"--set model.{kind}={name}"
