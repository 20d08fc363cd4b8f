"""`hiervae traverse`."""

from __future__ import annotations

import argparse
from typing import Any

from hiervae.cli import parsing
from hiervae.cli.console import Console
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

LIMIT = 2.0
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
        help=f"where the grid ends (default {LIMIT:g})",
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
    from hiervae.runs.figures import FigureWriter

    model = folder.load_model()
    chosen = [arguments.level] if arguments.level else range(1, model.num_levels + 1)
    num, limit, seed = arguments.num, arguments.limit or LIMIT, arguments.seed
    with refused_as_usage(("level", "num", "limit", "others")), console.status("drawing levels"):
        if arguments.noise:
            kind, what = "noise_sweep", "noise of level"
            drawn = {level: noise_sweep(model, level, num or SWEPT, seed) for level in chosen}
        else:
            kind, what = "traversal", "level"
            drawn = {
                level: traversal(model, level, num, limit, arguments.others, seed)
                for level in chosen
            }
    figures = FigureWriter(folder, value_range, console.note)
    for level, images in drawn.items():
        title = f"{what} {level} of {model.num_levels}, seed {seed}"
        figures.grid(f"{kind}_level_{level}", images, title)
    if figures.written:
        console.say(f"figures in {folder.figures}: {', '.join(figures.written)}")
    console.result(
        {
            "run": folder.path,
            "levels": [
                {"level": level, "rows": images.shape[0], "columns": images.shape[1]}
                for level, images in drawn.items()
            ],
            "limit": None if arguments.noise else limit,
            "others": arguments.others,
            "noise": arguments.noise,
            "seed": seed,
            "figures": figures.written,
        }
    )
    return 0
