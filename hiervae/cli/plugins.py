"""`hiervae plugins`."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hiervae.cli.console import Console
from hiervae.cli.parsing import add_command

if TYPE_CHECKING:
    from hiervae.registry import PluginEntry

EXAMPLES = """\
  hiervae plugins                                   everything a model can be made with
  hiervae plugins --group priors                    the priors only
  HIERVAE_DISABLE_PLUGINS=1 hiervae plugins         the built-in parts only
"""

PREFIX = "hiervae."
"""What the names of all groups begin with; users leave it out."""

HEADERS = ("name", "distribution", "version", "target", "")


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "plugins",
        run,
        "list the parts that models can be composed of, data sets and presets",
        "List what installed distributions offer: priors, inference schemes, schedulers, "
        "likelihoods, networks, data sets and presets. Nothing is imported for it. Where two "
        'distributions offer the same name, "distribution:name" tells them apart.',
        EXAMPLES,
    )
    option = parser.add_argument("--group", type=_group, help="list this group only")
    parser.complete = lambda: _list_groups(option)


def _short_names() -> list[str]:
    from hiervae.registry import GROUPS

    return [group.removeprefix(PREFIX) for group in GROUPS]


def _list_groups(option: argparse.Action) -> None:
    option.help = f"list this group only: {', '.join(_short_names())}"


def _group(text: str) -> str:
    if text not in _short_names():
        raise argparse.ArgumentTypeError(f"{text!r}: expected one of {', '.join(_short_names())}")
    return text


def run(arguments: argparse.Namespace, console: Console) -> int:
    """List the plugins."""
    from hiervae import registry

    chosen = PREFIX + arguments.group if arguments.group else None
    groups = [group for group in registry.GROUPS if chosen in (None, group)]
    listing = {group: registry.entries(group) for group in groups}
    for position, (group, rows) in enumerate(listing.items()):
        console.say(f"{group}:" if not position else f"\n{group}:")
        console.table(
            HEADERS,
            [
                (
                    row.name,
                    row.distribution or "(override)",
                    row.version or "",
                    row.target,
                    _remark(row),
                )
                for row in rows
            ],
        )
    for row in (row for rows in listing.values() for row in rows if row.refusal):
        console.note(row.refusal)
    console.result({"plugins": [asdict(row) for rows in listing.values() for row in rows]})
    return 0


def _remark(row: PluginEntry) -> str:
    if row.refusal:
        return "REFUSED, see below"
    return f"CONFLICT: write {row.qualified_name}" if row.conflict else ""
