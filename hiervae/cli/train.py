"""`hiervae train`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from hiervae.cli import parsing
from hiervae.cli.console import Console
from hiervae.cli.usage_error import UsageError

EXAMPLES = """\
  hiervae train
      VHP-VAE on the generated pendulum, into runs/pendulum
  hiervae train --preset vhp --dataset static_mnist --out runs/mnist --download
  hiervae train --preset vamp_hvae --dataset mnist --epochs 200 --set scheduler.epochs=50
      a two-level model with the VampPrior; zeros and ones are drawn anew in every step
  hiervae train --preset vamp_vae --dataset mnist --epochs 60 --learning-rate 2e-3 --decay cosine
      a learning rate that falls to 0, which is worth some nats in few epochs
  hiervae train --dataset digits.npz --epochs 100 --set model.likelihood=gaussian
      your own file: arrays `train`, and `valid`, `test`, labels as needed
  hiervae train --scheduler geco --kappa 0.2 --out runs/geco
  hiervae train --scheduler linear_warmup --scheduler-option epochs=20 --out runs/warmup
  hiervae train --set model.prior.latent_dim=3 --set optimizer.config.clipnorm=1.0
  hiervae train --config runs/mnist/config.json --initial-weights runs/mnist --out runs/tuned
      fine-tune the weights of a run; with --set model.bound=importance_weighted, on that bound
  hiervae train --out runs/pendulum --resume
      go on with an interrupted run, exactly; with --epochs, train it longer
  hiervae train --config runs/pendulum/config.json --out runs/again
      the same run again; a file of your own may set part of it, in JSON or TOML

a run folder holds config.json, model.keras, checkpoints/, history.csv, metrics.json, figures/
and TensorBoard events in tensorboard/
"""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = parsing.add_command(
        commands,
        "train",
        run,
        "train a model into a run folder",
        "Train a model on a data set and leave everything about it in a run folder. What is not "
        "said comes from the preset.",
        EXAMPLES,
    )
    what = parser.add_argument_group("what to train")
    preset = what.add_argument(
        "--preset", metavar="NAME", help="a paper's model and settings (default vhp)"
    )
    parser.complete = lambda: _list_presets(preset)
    what.add_argument(
        "--variant",
        metavar="NAME",
        help='"paper" (default) or "code", where the authors\' code differs from their paper; '
        "chosen with the preset, so not beside a run's config.json",
    )
    what.add_argument(
        "--dataset",
        metavar="NAME",
        help="a name that `hiervae datasets` lists, or a .npy or .npz file (default pendulum)",
    )
    what.add_argument(
        "--dataset-option",
        dest="dataset_options",
        action="append",
        default=[],
        type=parsing.key_value,
        metavar="KEY=VALUE",
        help="an option of the data set, such as num_images=5000; may be repeated",
    )
    parsing.add_data_dir(what)
    what.add_argument("--download", action="store_true", help="fetch missing data files")
    how = parser.add_argument_group("how to train")
    how.add_argument(
        "--epochs", type=parsing.positive_int, metavar="N", help="passes over the data"
    )
    how.add_argument(
        "--batch-size", type=parsing.positive_int, metavar="N", help="examples per step"
    )
    how.add_argument(
        "--learning-rate", type=parsing.positive_float, metavar="RATE", help="of the optimiser"
    )
    how.add_argument(
        "--decay",
        dest="learning_rate_decay",
        metavar="NAME",
        help='how the learning rate falls to 0 over all epochs: "cosine" (default: not at all)',
    )
    how.add_argument(
        "--initial-weights",
        metavar="RUN",
        help="begin with the weights of another run, or of a .keras file, to fine-tune them; the "
        "model must have the same, and the scheduler begins anew (default: random weights)",
    )
    how.add_argument(
        "--scheduler",
        metavar="NAME",
        help="rule for beta: constant, linear_warmup, geco, rewo, or a plugin's",
    )
    how.add_argument(
        "--kappa",
        type=parsing.kappa,
        help="its square bounds the reconstruction error; auto measures a bound (geco, rewo)",
    )
    how.add_argument("--nu", type=parsing.positive_float, help="learning rate of beta (geco, rewo)")
    how.add_argument(
        "--tau", type=parsing.positive_float, help="slope of the attraction to beta = 1 (rewo)"
    )
    how.add_argument(
        "--scheduler-option",
        dest="scheduler_options",
        action="append",
        default=[],
        type=parsing.key_value,
        metavar="KEY=VALUE",
        help="any other option of the rule; may be repeated",
    )
    how.add_argument(
        "--set",
        dest="assignments",
        action="append",
        default=[],
        type=parsing.key_value,
        metavar="PATH=VALUE",
        help="any setting by its path in config.json: model., optimizer., scheduler., training.",
    )
    how.add_argument("--config", metavar="FILE", help="settings from a JSON or TOML file")
    how.add_argument("--seed", type=parsing.seed, metavar="N", help="of all randomness (default 0)")
    how.add_argument(
        "--steps-per-execution",
        type=parsing.steps,
        metavar="N",
        help="steps in one call of the compiled function (default auto: 20, on torch 1)",
    )
    where = parser.add_argument_group("where")
    where.add_argument("--out", metavar="RUN", help="run folder (default runs/<data set>)")
    where.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in --out; its settings must not change, but epochs (not with "
        "--decay), checkpoints and steps per execution may",
    )
    where.add_argument(
        "--checkpoint-every",
        type=parsing.number_from_zero,
        metavar="SECONDS",
        help="least time between two checkpoints (default 30); 0 writes one after each epoch",
    )
    where.add_argument(
        "--checkpoint-every-steps",
        type=parsing.positive_int,
        metavar="N",
        help="write one after so many steps within an epoch too (default: at its end alone)",
    )
    where.add_argument(
        "--keep-checkpoints",
        type=parsing.positive_int,
        metavar="N",
        help="how many of the latest to keep, beside the best (default 3)",
    )


def _list_presets(option: argparse.Action) -> None:
    from hiervae import registry

    names = ", ".join(registry.available("hiervae.presets")).replace("%", "%%")
    option.help = f"a paper's model and settings: {names} (default vhp)"


def default_name(arguments: argparse.Namespace) -> str:
    """The name of the run folder where none is given: that of the data set."""
    name = arguments.dataset
    if name is None and arguments.config is not None:
        from hiervae.cli.backend import require_keras

        require_keras()
        from hiervae.cli.settings import dataset_in

        name = dataset_in(Path(arguments.config))
    return Path(os.path.abspath(Path(name or "pendulum").expanduser())).stem  # "." has a name too


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Train."""
    from hiervae.cli.backend import require_keras
    from hiervae.runs.folder import RunFolder

    folder = RunFolder(arguments.out or Path("runs") / default_name(arguments))
    folder.require_room()
    again = f"{folder.train_command} --resume"
    if not arguments.resume:
        parsing.check_empty(folder, again)
    if arguments.resume and not folder.config_file.exists():
        raise UsageError(f"{folder.path} holds no run to go on with; leave out --resume.")
    require_keras()
    from hiervae.cli.training_session import TrainingSession

    return TrainingSession(arguments, console, folder, again).run()
