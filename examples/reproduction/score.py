"""Scores the model of a run on its test set, in blocks that survive an interruption.

    python -m reproduction.score RUN --samples 5000 --every 10 --control-samples 64 --out FILE

With `--every 1` every test example has S importance samples. With `--every N` all examples have the
cheaper bound of the control samples, and every N-th one the bound of S samples too; the mean
difference of the two on these corrects the mean of the cheaper one. In expectation over the choice
of examples this is the mean of the bound of S samples over the whole test set, and since the two
bounds differ little from example to example, nearly as precise.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 500


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

    from hiervae.runs.data import examples_of
    from hiervae.runs.files import write_json
    from hiervae.runs.results import open_run

    opened = open_run(options.run)
    examples = examples_of(opened.dataset, "test")
    chosen = np.arange(0, len(examples), options.every)
    store = options.out.with_suffix(".npz")
    fine = _scored(opened.model, examples[chosen], options.samples, 0, store, "fine")
    coarse = None
    if options.every > 1:
        coarse = _scored(opened.model, examples, options.control_samples, 1, store, "coarse")
    found: dict[str, Any] = combine(fine, chosen, coarse)
    nats = found["negative_log_likelihood"]
    found["bits_per_dimension"] = nats / (opened.model.num_dimensions * math.log(2.0))
    found["protocol"] = {
        "num_samples": options.samples,
        "scored": len(chosen),
        "control_samples": None if coarse is None else options.control_samples,
        "num_examples": len(examples),
        "binarisation": opened.dataset.info.binarisation,
        "prior": opened.model.prior.describe_estimate(),
    }
    write_json(options.out, found)


def _scored(
    model: Any, examples: NDArray[Any], samples: int, stream: int, store: Path, name: str
) -> NDArray[np.float64]:
    """Negative log-likelihoods, block by block; blocks that `store` holds are not done again."""
    kept: dict[str, Any] = {}
    if store.exists():
        with np.load(store) as file:
            kept = dict(file)
    key = f"{name}_{samples}"
    scores = kept.get(key, np.empty(0))
    for start in range(len(scores), len(examples), BLOCK):
        block = examples[start : start + BLOCK]
        found = -model.log_likelihood(
            block, num_samples=samples, seed=2 * start + stream, verbose=0
        )
        scores = np.concatenate([scores, found])
        kept[key] = scores
        temporary = store.with_suffix(".part.npz")
        np.savez(temporary, **kept)
        temporary.replace(store)
        print(f"{name}: {len(scores)}/{len(examples)}, mean {scores.mean():.3f} nats", flush=True)
    return scores


if __name__ == "__main__":
    main()
