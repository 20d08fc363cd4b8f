"""`hiervae report`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hiervae.cli import parsing
from hiervae.cli.console import Console
from hiervae.cli.usage_error import UsageError

EXAMPLES = """\
  hiervae report runs/pendulum                      runs/pendulum/report.html
  hiervae report runs/pendulum --out pendulum.html
  hiervae report runs/pendulum --json               what is in it, and what is not

Run it again after `evaluate`, `interpolate`, `sample` or `traverse`: it shows what they have added.
Neither Keras nor a backend is needed, and the page refers to nothing outside itself.
"""

SUFFIXES = (".html", ".htm")


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = parsing.add_command(
        commands,
        "report",
        run,
        "put all about a run into one HTML file",
        "Put all about a finished run into one HTML file: metrics with their protocols, figures, "
        "the course of training, model, data, versions, and the command that gives it again.",
        EXAMPLES,
    )
    parsing.add_run_argument(parser)
    parser.add_argument("--out", metavar="FILE", help="HTML file (default RUN/report.html)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Write the report."""
    from hiervae.reports import write_report
    from hiervae.runs.folder import RunFolder

    folder = RunFolder(arguments.folder)
    path = folder.path / "report.html" if arguments.out is None else Path(arguments.out)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--out {path}: expected the name of an HTML file, such as report.html.")
    if arguments.out is not None:
        parsing.check_target("--out", path)
    with console.status("writing the report"):
        report = write_report(folder, path)
    for sentence in report.missing:
        console.note(sentence)
    console.say(f"report in {path}")
    console.result(
        {
            "run": folder.path,
            "report": path,
            "measures": report.metrics,
            "curves": report.curves,
            "pictures": report.figures,
            "missing": report.missing,
        }
    )
    return 0
