"""`hiervae evaluate`."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from typing import Any

from hiervae.cli import parsing
from hiervae.cli.console import Console

EXAMPLES = """\
  hiervae evaluate runs/mnist                       5000 importance samples, all test examples
  hiervae evaluate runs/mnist --num-samples 500 --limit 1000
      1000 examples only, an estimate within minutes
  hiervae evaluate runs/mnist --split valid --json
  hiervae evaluate runs/mnist --resume              go on with a scoring that was interrupted

The estimate of the log-likelihood is a lower bound in expectation that tightens with the number of
samples S, and with K of a prior that estimates its own density (Burda et al. 2016). The protocol is
printed and kept beside the numbers, because they mean little without it.
"""

OWN = (
    "num_samples",
    "elbo_samples",
    "split",
    "num_examples",
    "of_examples",
    "binarisation",
    "seed",
    "backend",
)
"""What a protocol says beside the settings of a prior's estimate of its own density."""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = parsing.add_command(
        commands,
        "evaluate",
        run,
        "score a trained model on held-out data",
        "Score a trained model: the ELBO and its terms at beta = 1, and the importance-weighted "
        "estimate of the negative log-likelihood in nats and in bits per dimension. The numbers "
        "go into the run's metrics.json; a histogram of single examples, and the splits that were "
        "scored in the plane of rate and distortion, into its figures.",
        EXAMPLES,
    )
    parsing.add_run_argument(parser)
    parsing.add_data_dir(parser)
    parser.add_argument(
        "--num-samples",
        type=parsing.positive_int,
        default=5000,
        metavar="S",
        help="importance samples an example (default 5000)",
    )
    parsing.add_split(parser, "examples to score")
    parser.add_argument(
        "--limit",
        type=parsing.positive_int,
        metavar="N",
        help="score N examples only, spread evenly",
    )
    parser.add_argument(
        "--batch-size",
        type=parsing.positive_int,
        default=100,
        metavar="N",
        help="examples per pass (default 100)",
    )
    parser.add_argument(
        "--rows-per-pass",
        type=parsing.positive_int,
        metavar="N",
        help="most rows, examples times samples, in memory at once (default: 10000, on a CPU "
        "2000, or as many as need about 1 GiB, on a CPU 64 MiB)",
    )
    parsing.add_seed(parser, "samples")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with an interrupted scoring of the same model, examples, samples and seed",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Score a model."""
    from hiervae.cli.backend import require_keras
    from hiervae.runs.folder import RunFolder

    folder = RunFolder(arguments.folder)
    folder.read_config()  # what is wrong is refused before Keras is loaded and the model scored
    folder.read_metrics()
    parsing.check_data_dir(arguments.data_dir)
    require_keras()
    from hiervae.runs.config import installed_versions
    from hiervae.runs.data import examples_of, num_examples
    from hiervae.runs.figures import FigureWriter
    from hiervae.runs.metrics import bound_of, summary_of
    from hiervae.runs.results import open_run

    opened = open_run(arguments.folder, arguments.data_dir)
    folder, model, dataset = opened.folder, opened.model, opened.dataset
    split = parsing.choose_split(dataset, arguments.split)
    examples = examples_of(dataset, split, arguments.limit)
    bound = bound_of(model, examples, arguments.batch_size)
    partial = folder.partial_scores_file(split)
    if not arguments.resume:
        partial.unlink(missing_ok=True)
    elif not partial.exists():
        console.note(f"{folder.path} holds no interrupted scoring; all examples are scored.")
    with (
        warnings.catch_warnings(record=True, action="always", category=UserWarning) as caught,
        console.progress(len(examples), "example") as progress,
    ):
        scores = model.score(
            examples,
            arguments.num_samples,
            arguments.batch_size,
            arguments.seed,
            verbose=0,
            rows_per_pass=arguments.rows_per_pass,
            resume_file=partial,
            progress=progress.update,
        )
    score = summary_of(model, scores)
    for warning in caught:
        if warning.category is UserWarning:
            console.note(str(warning.message))
    protocol = {
        "num_samples": arguments.num_samples,
        "prior_samples": None,
        **model.prior.describe_estimate(),
        "elbo_samples": model.objective.num_samples,
        "split": split,
        "num_examples": len(examples),
        "of_examples": num_examples(dataset, split),
        "binarisation": dataset.info.binarisation,
        "seed": arguments.seed,
        "backend": installed_versions()["backend"]["name"],
    }
    record = {**bound, **score, "protocol": protocol}
    folder.write_metrics(**{split: record})
    figures = FigureWriter(folder, dataset.info.value_range, console.note)
    figures.log_likelihoods(split, scores.log_likelihood, arguments.num_samples)
    figures.rate_distortion(folder.read_metrics())
    console.heading(f"{dataset.info.name}, {split} split, nats per example")
    console.values({**bound, **score})
    console.heading("protocol")
    console.values(protocol_values(protocol))
    console.result({"run": folder.path, split: record})
    return 0


def protocol_values(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """The protocol of scores in words, as people are shown it."""
    given = {name: value for name, value in protocol.items() if value is not None}
    estimate = [f"{name.replace('_', ' ')} {given[name]}" for name in given if name not in OWN]
    return {
        "importance samples S": given.get("num_samples"),
        "estimate of the prior": ", ".join(estimate) or "none, it is exact",
        "examples": f"{given.get('num_examples')} of {given.get('of_examples')}",
        **{name: given.get(name) for name in ("binarisation", "seed", "backend")},
    }
