"""`hiervae sample`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hiervae.cli import parsing
from hiervae.cli.console import Console
from hiervae.cli.picture_names import picture_name
from hiervae.cli.usage_error import refused_as_usage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hiervae.model import HierarchicalVAE
    from hiervae.runs.figures import FigureWriter

EXAMPLES = """\
  hiervae sample runs/mnist                         64 samples in a grid
  hiervae sample runs/mnist --num 100 --seed 1
  hiervae sample runs/mnist --num 10000 --noise --npy samples.npy
      draws from the likelihood as well, as an array of shape (10000, 28, 28)

  hiervae sample runs/mnist --component 3           from one component of a mixture prior
  hiervae sample runs/mnist --num 10 --chain 50     go back and forth between samples and latents

Without --noise the means of the likelihood are shown, as the papers do; a PixelCNN, which has no
such means, is always drawn from.
"""

MAX_SHOWN = 400
NUM = 64


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = parsing.add_command(
        commands,
        "sample",
        run,
        "draw new data from a trained model",
        "Draw new data from a trained model: a figure in the run folder, and an array where "
        "one is asked for.",
        EXAMPLES,
    )
    parsing.add_run_argument(parser)
    parser.add_argument(
        "--num",
        type=parsing.positive_int,
        default=NUM,
        metavar="N",
        help=f"samples (default {NUM})",
    )
    parsing.add_seed(parser, "samples")
    parser.add_argument(
        "--noise",
        action="store_true",
        help="draw from the likelihood instead of taking its means",
    )
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument(
        "--component",
        type=parsing.natural,
        metavar="K",
        help="draw from one component of a mixture prior only, of a VampPrior from q(z | u_K)",
    )
    origin.add_argument(
        "--chain",
        type=parsing.positive_int,
        metavar="STEPS",
        help="take so many Gibbs steps z ~ q(z | x), x ~ p(x | z) from each sample; the figure has "
        "a row for each of up to 20 samples (Zhao et al. 2017, Proposition 1)",
    )
    parser.add_argument("--npy", metavar="FILE", help="also write the samples as a NumPy array")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Draw samples."""
    from hiervae.cli.backend import require_keras
    from hiervae.runs.folder import RunFolder

    folder = RunFolder(arguments.folder)
    value_range = folder.value_range()
    array = None if arguments.npy is None else Path(arguments.npy)
    if array is not None:
        parsing.check_target("--npy", array)
    require_keras()
    import numpy as np

    from hiervae.runs.figures import FigureWriter
    from hiervae.utils.files import replacing

    model = folder.load_model()
    figures = FigureWriter(folder, value_range, console.note)
    draw = _draw_samples if arguments.chain is None else _run_chains
    images = draw(model, figures, arguments, console)
    if array is not None:
        with replacing(array) as temporary, temporary.open("wb") as stream:
            np.save(stream, images)
        console.say(f"array of shape {images.shape} in {array}")
    if figures.written:
        console.say(f"figures in {folder.figures}: {', '.join(figures.written)}")
    console.result(
        {
            "run": folder.path,
            "num": arguments.num,
            "seed": arguments.seed,
            "noise": arguments.noise,
            "component": arguments.component,
            "chain": arguments.chain,
            "figures": figures.written,
            "array": array,
        }
    )
    return 0


def _draw_samples(
    model: HierarchicalVAE, figures: FigureWriter, arguments: argparse.Namespace, console: Console
) -> NDArray[Any]:
    """The samples; the figure shows the first of them."""
    from hiervae.runs.figures import new_data

    seed: int = arguments.seed
    component: int | None = arguments.component
    with refused_as_usage(("component",)), console.status("drawing samples"):
        images, kind = new_data(model, arguments.num, seed, arguments.noise, component)
    shown = images[:MAX_SHOWN]
    title = f"{kind}, seed {seed}"
    if len(shown) < len(images):
        title += f", the first {len(shown)} of {len(images)}"
    name = _name(f"samples_seed_{seed}", arguments, component=component)
    figures.samples(name, shown, title)
    return images


def _run_chains(
    model: HierarchicalVAE, figures: FigureWriter, arguments: argparse.Namespace, console: Console
) -> NDArray[Any]:
    """What the chains end with; the figure shows the way there."""
    from hiervae.runs.figures import chains_of

    seed: int = arguments.seed
    with console.status("running chains"):
        images, rows, steps, kind = chains_of(
            model, arguments.num, seed, arguments.noise, arguments.chain
        )
    numbers = ", ".join(map(str, steps))
    title = f"Gibbs chains, a row each: {kind} after steps {numbers}; seed {seed}"
    name = _name(f"gibbs_chain_seed_{seed}", arguments, steps=arguments.chain)
    figures.grid(name, rows, title)
    return images


def _name(name: str, arguments: argparse.Namespace, **settings: int | None) -> str:
    given = {**settings, "num": arguments.num, "noise": arguments.noise}
    return picture_name(name, given, {"num": NUM, "noise": False})
