"""`hiervae interpolate`."""

from __future__ import annotations

import argparse
from typing import Any

from hiervae.cli import parsing
from hiervae.cli.console import Console

EXAMPLES = """\
  hiervae interpolate runs/pendulum --from 0 --to 180
      the labels are angles, so these are degrees: the nearest test examples are taken
  hiervae interpolate runs/mnist --from 3 --to 9000
      elsewhere these are positions in the test split, from 0
  hiervae interpolate runs/pendulum --by index --from 12 --to 700 --num-nodes 2000
  hiervae interpolate runs/digits --by label --from 1 --to 7
      the first test example of either class

Samples of the learned prior form a graph that joins each to its nearest neighbours; the path is the
shortest one through it (Klushyn et al. 2019), shown above the straight line for comparison. The
samples that lie most alone are left out, so that no path crosses a hole over them.
"""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = parsing.add_command(
        commands,
        "interpolate",
        run,
        "interpolate between two examples along the learned manifold",
        "Interpolate between two examples along a graph on samples of the learned prior. Writes "
        "the decoded path and, for two latent dimensions, the graph with the path as pictures, and "
        "the graph itself as graph.npz.",
        EXAMPLES,
    )
    parsing.add_run_argument(parser)
    parsing.add_data_dir(parser)
    parser.add_argument(
        "--from", dest="start", type=float, required=True, metavar="A", help="where to begin"
    )
    parser.add_argument(
        "--to", dest="end", type=float, required=True, metavar="B", help="where to end"
    )
    parser.add_argument(
        "--by",
        choices=("index", "label"),
        help="what A and B are: positions in the split, or labels (angles in degrees); by default "
        "labels where they are angles, else positions",
    )
    parsing.add_split(parser, "where the two examples are")
    parser.add_argument(
        "--num-nodes",
        type=parsing.positive_int,
        default=1000,
        metavar="N",
        help="samples of the prior (default 1000)",
    )
    parser.add_argument(
        "--num-neighbors",
        type=parsing.positive_int,
        default=10,
        metavar="K",
        help="neighbours each is joined to (default 10)",
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
    from hiervae.cli.usage_error import refused_as_usage
    from hiervae.runs.run_folder import RunFolder

    folder = RunFolder(arguments.folder)
    folder.read_config()  # what is wrong is refused before Keras is loaded and the graph made
    folder.read_metrics()
    require_keras()
    from hiervae.manifold import LatentGraph
    from hiervae.runs.figures import FigureWriter
    from hiervae.runs.interpolation import choose_example, interpolate
    from hiervae.runs.open_run import open_run
    from hiervae.runs.run_data import examples_of, has_angles, labels_of

    opened = open_run(arguments.folder, arguments.data_dir)
    model, dataset = opened.model, opened.dataset
    split, by = arguments.split, arguments.by
    by = by or ("label" if has_angles(dataset) else "index")
    examples = examples_of(dataset, split)
    ends = [choose_example(dataset, split, value, by) for value in (arguments.start, arguments.end)]
    given = arguments.prune_fraction
    pruning = {} if given is None else {"prune_fraction": given}
    with refused_as_usage():
        graph = LatentGraph.from_prior(
            model, arguments.num_nodes, arguments.num_neighbors, arguments.seed, **pruning
        )
    found = interpolate(model, graph, examples[ends[0]], examples[ends[1]])
    graph.save(folder.graph_file)
    name = f"{arguments.start:g}_{arguments.end:g}"
    unit = "degrees" if by == "label" and has_angles(dataset) else f"({by})"
    title = f"from {arguments.start:g} to {arguments.end:g} {unit}, {split} examples {ends}"
    figures = FigureWriter(folder, dataset.info.value_range, console.note)
    figures.interpolation(f"interpolation_{name}", found.path, found.straight, title)
    figures.graph(f"latent_graph_{name}", model, examples, graph, found.path, title)
    labels = labels_of(dataset, split)
    record = {
        "from": arguments.start,
        "to": arguments.end,
        "by": by,
        "split": split,
        "examples": ends,
        "labels": None if labels is None else labels[ends],
        "seed": arguments.seed,
        **found.as_dict(),
    }
    folder.write_metrics(interpolation=record)
    console.say(f"path between the {split} examples {ends[0]} and {ends[1]}:")
    console.values({key: value for key, value in found.as_dict().items() if key != "node_ids"})
    console.say(f"graph in {folder.graph_file}")
    if figures.written:
        console.say(f"pictures in {folder.figures}: {', '.join(figures.written)}")
    console.result(
        {
            "run": folder.path,
            "interpolation": record,
            "graph": folder.graph_file,
            "figures": figures.written,
        }
    )
    return 0
