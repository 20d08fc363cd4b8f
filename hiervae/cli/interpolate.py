"""`hiervae interpolate`."""

from __future__ import annotations

import argparse
from typing import Any

from hiervae.cli import parsing
from hiervae.cli.console import Console
from hiervae.cli.picture_names import picture_name, shown

EXAMPLES = """\
  hiervae interpolate runs/pendulum
      two test examples that differ: 0 and 180 degrees, as the labels are angles
  hiervae interpolate runs/mnist
      the first test example of the lowest and of the highest class: a 0 and a 9
  hiervae interpolate runs/mnist --by label --from 1 --to 7
      the first test example of either class
  hiervae interpolate runs/pendulum --from 30 --to 210
      labels that are angles need no --by: the test examples nearest to these degrees
  hiervae interpolate runs/pendulum --by index --from 12 --to 700 --num-nodes 2000
      positions in the test split, from 0; a split may be sorted by class

Samples of the learned prior form a graph that joins each to its nearest neighbours; the path is the
shortest one through it (Klushyn et al. 2019), shown above the straight line for comparison. The
samples that lie most alone are left out, so that no path crosses a hole over them.
"""

NUM_NODES = 1000
NUM_NEIGHBORS = 10
GRAPH_OPTIONS = ("num_nodes", "num_neighbors", "prune_fraction")


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = parsing.add_command(
        commands,
        "interpolate",
        run,
        "interpolate between two examples along the learned manifold",
        "Interpolate between two examples along a graph on samples of the learned prior. Writes "
        "the decoded path and, for two latent dimensions, the graph with the path as figures, and "
        "the graph itself as graph.npz.",
        EXAMPLES,
    )
    parsing.add_run_argument(parser)
    parsing.add_data_dir(parser)
    parser.add_argument(
        "--from",
        dest="start",
        type=parsing.number,
        metavar="A",
        help="where to begin; without A and B, two examples that differ: 0 and 180 degrees where "
        "labels are angles, else one of the lowest and one of the highest label, else the first "
        "and the middle position",
    )
    parser.add_argument(
        "--to", dest="end", type=parsing.number, metavar="B", help="where to end; given with A"
    )
    parser.add_argument(
        "--by",
        choices=("index", "label"),
        help="what A and B are: positions in the split, or labels (angles in degrees); by default "
        "labels where they are angles or A and B are left out, else positions",
    )
    parsing.add_split(parser, "where the two examples are")
    parser.add_argument(
        "--num-nodes",
        type=parsing.positive_int,
        default=NUM_NODES,
        metavar="N",
        help=f"samples of the prior (default {NUM_NODES})",
    )
    parser.add_argument(
        "--num-neighbors",
        type=parsing.positive_int,
        default=NUM_NEIGHBORS,
        metavar="K",
        help=f"neighbours each is joined to (default {NUM_NEIGHBORS})",
    )
    parser.add_argument(
        "--prune-fraction",
        type=float,
        metavar="F",
        help="share of the samples, those farthest from their neighbours, that no path visits "
        "(default 0.05; 0 is the paper's rule)",
    )
    parsing.add_seed(parser, "samples")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Interpolate."""
    from hiervae.cli.backend import require_keras
    from hiervae.cli.usage_error import UsageError, in_command_words, refused_as_usage
    from hiervae.runs.folder import RunFolder

    if (arguments.start is None) != (arguments.end is None):
        given, missing = ("--from", "--to") if arguments.end is None else ("--to", "--from")
        raise UsageError(f"{given} was given without {missing}; expected both or neither.")
    folder = RunFolder(arguments.folder)
    folder.read_config()  # what is wrong is refused before Keras is loaded and the graph made
    folder.read_metrics()
    parsing.check_data_dir(arguments.data_dir)
    require_keras()
    from hiervae.errors import DataError, NoPathError
    from hiervae.manifold import LatentGraph
    from hiervae.manifold.latent_graph import PRUNE_FRACTION
    from hiervae.runs.data import examples_of, held_out_split, labels_of
    from hiervae.runs.figures import FigureWriter
    from hiervae.runs.interpolation import choose_ends, default_kind, interpolate
    from hiervae.runs.results import open_run

    opened = open_run(arguments.folder, arguments.data_dir)
    folder, model, dataset = opened.folder, opened.model, opened.dataset
    split = parsing.choose_split(dataset, arguments.split)
    examples = examples_of(dataset, split)
    try:
        ends = choose_ends(dataset, split, arguments.start, arguments.end, arguments.by)
    except DataError as error:
        raise UsageError(str(error)) from error
    given = arguments.prune_fraction
    pruning = {} if given is None else {"prune_fraction": given}
    with refused_as_usage(GRAPH_OPTIONS), console.status("building the graph"):
        graph = LatentGraph.from_prior(
            model, arguments.num_nodes, arguments.num_neighbors, arguments.seed, **pruning
        )
    try:
        found = interpolate(model, graph, *(examples[end] for end in ends.positions))
    except NoPathError as error:
        raise NoPathError(in_command_words(str(error), GRAPH_OPTIONS)) from error
    folder.require_loaded_model()
    graph.save(folder.graph_file)
    name = picture_name(
        f"{shown(ends.values[0])}_{shown(ends.values[1])}",
        {
            "by": ends.by,
            "split": split,
            "seed": arguments.seed,
            "nodes": arguments.num_nodes,
            "neighbors": arguments.num_neighbors,
            "pruned": graph.prune_fraction,
        },
        {
            "by": default_kind(dataset, split),
            "split": held_out_split(dataset),
            "seed": 0,
            "nodes": NUM_NODES,
            "neighbors": NUM_NEIGHBORS,
            "pruned": PRUNE_FRACTION,
        },
    )
    title = f"{ends.title}, {split} examples {ends.positions}"
    figures = FigureWriter(folder, dataset.info.value_range, console.note)
    figures.interpolation(f"interpolation_{name}", found.path, found.straight, title)
    figures.graph(f"latent_graph_{name}", model, examples, graph, found.path, title)
    labels = labels_of(dataset, split)
    record = {
        "from": ends.values[0],
        "to": ends.values[1],
        "by": ends.by,
        "split": split,
        "examples": ends.positions,
        "labels": None if labels is None else labels[ends.positions],
        "seed": arguments.seed,
        **found.as_dict(),
    }
    folder.write_metrics(interpolation=record)
    start, end = ends.positions
    console.heading(f"path {ends.title}, between the {split} examples {start} and {end}")
    console.values({key: value for key, value in found.as_dict().items() if key != "node_ids"})
    console.say(f"graph in {folder.graph_file}")
    if figures.written:
        console.say(f"figures in {folder.figures}: {', '.join(figures.written)}")
    console.result(
        {
            "run": folder.path,
            "interpolation": record,
            "graph": folder.graph_file,
            "figures": figures.written,
        }
    )
    return 0
