"""`hiervae datasets`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hiervae.cli.console import Console
from hiervae.cli.parsing import add_command, add_data_dir, check_data_dir

if TYPE_CHECKING:
    from hiervae.datasets import DatasetStatus

EXAMPLES = """\
  hiervae datasets                                  what is here, what is missing
  hiervae datasets --data-dir ~/data                look into this folder first
  hiervae train --dataset static_mnist --download   fetch what is missing
  hiervae train --dataset digits.npz                your own file: `train`, `valid`, `test`
"""

HEADERS = ("name", "title", "shape", "examples", "files")


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "datasets",
        run,
        "list the data sets, and which are on this machine",
        "List the data sets by the name that `hiervae train --dataset` takes, and whether their "
        "files are on this machine; those of installed plugins among them.",
        EXAMPLES,
    )
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """List the data sets."""
    from hiervae.datasets.catalogue import status

    check_data_dir(arguments.data_dir)
    rows = status(arguments.data_dir)
    console.table(
        HEADERS,
        [
            (
                row.name,
                row.title,
                "x".join(map(str, row.event_shape)),
                row.num_examples,
                _files(row),
            )
            for row in rows
        ],
    )
    for row in rows:
        if row.problem:
            console.note(f"{row.name}: {row.problem}")
    console.result({"datasets": [row.as_dict() for row in rows]})
    return 0


def _files(row: DatasetStatus) -> str:
    if row.problem:
        return "unusable, see below"
    if row.present:
        return row.path or "generated"
    return f"missing: {', '.join(row.missing)}"
