"""Scores the model of a run on its test set, going on after an interruption.

    python -m reproduction.score RUN --samples 5000 --every 10 --control-samples 64 --out FILE

With `--every 1` every test example has S importance samples. With `--every N` all examples have the
cheaper bound of the control samples, and every N-th one the bound of S samples too; the mean
difference of the two on these corrects the mean of the cheaper one. In expectation over the choice
of examples this is the mean of the bound of S samples over the whole test set, and since the two
bounds differ little from example to example, nearly as precise.

A prior that is fitted after training, by a method `fit_latents(latents, seed)` as that of
hiervae-posthoc, is fitted to draws of the posteriors of the training examples before it is scored;
one that keeps encoded examples has them encoded anew, by a method `refresh(encode)` as that of
hiervae-exemplar.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.utils.files import replacing


def combine(
    fine: NDArray[np.float64], chosen: NDArray[np.int64], coarse: NDArray[np.float64] | None
) -> dict[str, float]:
    """Return mean and standard error of the fine values over all examples.

    Args:
        fine: the values of the examples `chosen`, shape (m,).
        chosen: their numbers, shape (m,).
        coarse: cheaper values of all examples, shape (n,); None where `fine` has all of them.
    """
    if coarse is None:
        return {
            "negative_log_likelihood": float(fine.mean()),
            "standard_error": float(fine.std(ddof=1) / math.sqrt(len(fine))),
        }
    difference = fine - coarse[chosen]
    spread = coarse.var(ddof=1) / len(coarse) + difference.var(ddof=1) / len(fine)
    return {
        "negative_log_likelihood": float(coarse.mean() + difference.mean()),
        "standard_error": float(math.sqrt(spread)),
        "correction": float(difference.mean()),
        "correction_standard_error": float(difference.std(ddof=1) / math.sqrt(len(fine))),
    }


def main() -> None:
    """Score a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--every", type=int, required=True)
    parser.add_argument("--control-samples", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    from hiervae import plotting
    from hiervae.evaluation import log_likelihood_histogram
    from hiervae.model.scores import FEWEST_EFFECTIVE
    from hiervae.runs.data import examples_of
    from hiervae.runs.files import write_json
    from hiervae.runs.results import open_run

    opened = open_run(options.run)
    model, examples = opened.model, examples_of(opened.dataset, "test")
    if hasattr(model.prior, "fit_latents"):
        encoded = model.encode(examples_of(opened.dataset, "train"), sample=True, seed=0)
        model.prior.fit_latents(model.governed_latent(encoded), seed=0)
    if hasattr(model.prior, "refresh"):
        model.prior.refresh(lambda rows: model.governed_latent(model.encode(rows)))
    chosen = np.arange(0, len(examples), options.every)
    fine, sizes = scored(model, examples[chosen], options.samples, 0, options.out)
    coarse = None
    if options.every > 1:
        coarse, _ = scored(model, examples, options.control_samples, 1, options.out)
    found: dict[str, Any] = combine(fine, chosen, coarse)
    nats = found["negative_log_likelihood"]
    found["bits_per_dimension"] = nats / (model.num_dimensions * math.log(2.0))
    found["median_effective_sample_size"] = float(np.median(sizes))
    found["degenerate_examples"] = int((sizes < FEWEST_EFFECTIVE).sum())
    found["protocol"] = {
        "num_samples": options.samples,
        "scored": len(chosen),
        "control_samples": None if coarse is None else options.control_samples,
        "num_examples": len(examples),
        "binarisation": opened.dataset.info.binarisation,
        "prior": model.prior.describe_estimate(),
    }
    histogram = log_likelihood_histogram({f"{len(chosen)} test examples": -fine})
    plotting.log_likelihood_histogram(
        histogram, opened.folder.figures / "log_likelihoods_test.png", f"S = {options.samples}"
    )
    write_json(options.out, found)


def scored(
    model: Any, examples: NDArray[Any], samples: int, seed: int, out: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Negative log-likelihoods and effective sample sizes; goes on where it was interrupted."""
    kept, partial = out.with_suffix(f".{samples}.npz"), out.with_suffix(f".{samples}.partial.npz")
    if not kept.exists():

        def tell(done: int) -> None:
            if done % 1000 == 0:
                print(f"S = {samples}: {done} of {len(examples)} examples", flush=True)

        scores = model.score(
            examples, samples, seed=seed, verbose=0, resume_file=partial, progress=tell
        )
        with replacing(kept) as temporary:
            np.savez(temporary, scores=scores.log_likelihood, sizes=scores.effective_sample_size)
    with np.load(kept) as file:
        return -file["scores"], file["sizes"]


if __name__ == "__main__":
    main()
