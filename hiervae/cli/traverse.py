"""`hiervae traverse`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hiervae.cli import parsing
from hiervae.cli.console import Console
from hiervae.cli.picture_names import picture_name
from hiervae.cli.usage_error import UsageError, refused_as_usage

EXAMPLES = """\
  hiervae traverse runs/vlae                        one figure per level
  hiervae traverse runs/vlae --level 1 --limit 3    of the level nearest the data only
  hiervae traverse runs/vlae --level 2 --others held --seed 1
  hiervae traverse runs/ladder --noise              redraw the noise of one level only

A level of two dimensions is shown over a grid from -LIMIT to LIMIT, one of one dimension along each
row, and a larger one by redraws: one choice of the other levels a row (Zhao et al. 2017). Below the
top of a stacked model the grid counts standard deviations from the mean of the level's conditional
prior, given one draw of the levels above; the levels below are at their means.
"""

SWEPT = 10
"""Rows and columns of draws of a level's noise."""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = parsing.add_command(
        commands,
        "traverse",
        run,
        "show what each level of a trained model means",
        "Show what the stochastic levels of a trained model mean: one figure per level in the run "
        "folder, in which that level changes.",
        EXAMPLES,
    )
    parsing.add_run_argument(parser)
    parser.add_argument(
        "--level",
        type=parsing.positive_int,
        metavar="N",
        help="this level only, from 1 (nearest the data); all of them by default",
    )
    parser.add_argument(
        "--num",
        type=parsing.positive_int,
        metavar="N",
        help="rows and columns (default 20 for a level of two dimensions, otherwise 10)",
    )
    parser.add_argument(
        "--limit",
        type=parsing.positive_float,
        metavar="LIMIT",
        help="where the grid ends, of levels of one or two dimensions (default 2)",
    )
    parser.add_argument(
        "--others",
        choices=("fresh", "held"),
        help="draw the other levels anew in every cell, or hold them (default fresh for a level "
        "of two dimensions where the prior governs all levels, otherwise held)",
    )
    parser.add_argument(
        "--noise",
        action="store_true",
        help="draw the noise of the level anew in every cell and hold that of every other level, "
        "so that the levels below follow by their means and variances (Zhao et al. 2017, Figure 3)",
    )
    parsing.add_seed(parser, "draws")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Draw traversals."""
    from hiervae.cli.backend import require_keras
    from hiervae.runs.folder import RunFolder

    if arguments.noise and (arguments.limit or arguments.others):
        raise UsageError("--noise draws without a grid: leave --limit and --others out.")
    folder = RunFolder(arguments.folder)
    value_range = folder.value_range()
    require_keras()
    from hiervae.evaluation import noise_sweep, traversal
    from hiervae.evaluation.traversal import LIMIT, default_settings
    from hiervae.runs.figures import FigureWriter

    model = folder.load_model()
    chosen = [arguments.level] if arguments.level else range(1, model.num_levels + 1)
    num, seed = arguments.num, arguments.seed
    limit: float = arguments.limit or LIMIT
    with refused_as_usage(("level", "num", "limit", "others")), console.status("drawing levels"):
        if arguments.noise:
            kind, what = "noise_sweep", "noise of level"
            default = {
                level: {"num": SWEPT, "limit": None, "others": None, "seed": 0} for level in chosen
            }
            drawn = {level: noise_sweep(model, level, num or SWEPT, seed) for level in chosen}
        else:
            kind, what = "traversal", "level"
            default = {
                level: {**asdict(default_settings(model, level)), "seed": 0} for level in chosen
            }
            if arguments.limit and all(row["limit"] is None for row in default.values()):
                levels = ", ".join(map(str, chosen))
                raise UsageError(
                    f"--limit {limit:g} was given for level {levels}, of more than two dimensions, "
                    "which is drawn without a grid; expected a level of one or two. Leave --limit "
                    "out, or choose another level by --level."
                )
            drawn = {
                level: traversal(model, level, num, limit, arguments.others, seed)
                for level in chosen
            }
    used = {level: _used(arguments, row) for level, row in default.items()}
    figures = FigureWriter(folder, value_range, console.note)
    for level, images in drawn.items():
        title = f"{what} {level} of {model.num_levels}, seed {seed}"
        name = picture_name(f"{kind}_level_{level}", used[level], default[level])
        figures.grid(name, images, title)
    if figures.written:
        console.say(f"figures in {folder.figures}: {', '.join(figures.written)}")
    console.result(
        {
            "run": folder.path,
            "levels": [
                {
                    "level": level,
                    "rows": images.shape[0],
                    "columns": images.shape[1],
                    "limit": used[level]["limit"],
                    "others": used[level]["others"],
                }
                for level, images in drawn.items()
            ],
            "limit": limit if any(row["limit"] for row in used.values()) else None,
            "others": arguments.others,
            "noise": arguments.noise,
            "seed": seed,
            "figures": figures.written,
        }
    )
    return 0


def _used(arguments: argparse.Namespace, default: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a level: those that were given, where it has such settings at all."""
    given = vars(arguments)
    return {
        name: value if value is None or given[name] is None else given[name]
        for name, value in default.items()
    }
