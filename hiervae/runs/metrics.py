"""The metrics of a trained model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets import Dataset
from hiervae.evaluation import disentanglement
from hiervae.evaluation.polar_regression import polar_regression
from hiervae.model import HierarchicalVAE
from hiervae.runs.data import examples_of, has_angles, held_out_split, labels_of
from hiervae.types import Config
from hiervae.utils.batching import power_of_two

MIN_SEPARATED = 200
"""Fewest examples of which the information of units about labels is measured."""


def bound_of(model: HierarchicalVAE, examples: NDArray[Any], batch_size: int) -> Config:
    """Compute the ELBO and its terms at beta = 1, means over the examples in nats.

    Returns:
        `elbo`, `reconstruction`, `kl`, `kl_1` ... `kl_L`, and the number of examples.
    """
    logs = model.evaluate(examples, batch_size=batch_size, verbose=0, return_dict=True)
    kept = {
        name: float(value)
        for name, value in logs.items()
        if name in ("elbo", "reconstruction", "kl") or name.startswith("kl_")
    }
    return {**kept, "num_examples": len(examples)}


def log_likelihood_of(
    model: HierarchicalVAE,
    examples: NDArray[Any],
    num_samples: int,
    batch_size: int,
    seed: int,
    rows_per_pass: int | None,
    progress: Callable[[int], None] = lambda done: None,
) -> Config:
    """Estimate the log-likelihood with importance samples (Burda et al. 2016).

    Args:
        model: a trained model.
        examples: shape (n, *event_shape).
        num_samples: importance samples S of an example.
        batch_size: examples per pass.
        seed: of the draws; the numbers are those of one call of `model.log_likelihood`.
        rows_per_pass: as in `model.log_likelihood`.
        progress: told after each pass how many examples are done.

    Returns:
        `negative_log_likelihood` in nats, the mean over the examples; its `standard_error` over
        the examples; and `bits_per_dimension`.

    Raises:
        DataError: if the examples do not suit the model.
        NonFiniteLossError: if a value comes out infinite or NaN.
    """
    rows_per_pass = rows_per_pass or model.rows_in_memory()
    size = min(batch_size, rows_per_pass, power_of_two(len(examples)))
    scores = np.empty(len(examples))
    for start in range(0, len(examples), size):
        # Each pass has `size` rows, as those of one call have, and goes on with its draws.
        rows = np.minimum(np.arange(start, start + size), len(examples) - 1)
        found = model.log_likelihood(
            examples[rows],
            num_samples=num_samples,
            batch_size=size,
            seed=seed if start == 0 else None,
            verbose=0,
            rows_per_pass=rows_per_pass,
        )
        done = min(start + size, len(examples))
        scores[start:done] = -found[: done - start]
        progress(done)
    mean = float(scores.mean())
    spread = float(scores.std(ddof=1)) if len(scores) > 1 else math.nan
    return {
        "negative_log_likelihood": mean,
        "standard_error": spread / math.sqrt(len(scores)),
        "bits_per_dimension": mean / (model.num_dimensions * math.log(2.0)),
    }


def polar_error(model: HierarchicalVAE, dataset: Dataset) -> Config | None:
    """Fit the polar regression of the angle on two-dimensional latent means.

    Returns:
        Its errors in radians; None unless the labels are angles and the latent space is a plane.
    """
    split = held_out_split(dataset)
    labels = labels_of(dataset, split)
    if labels is None or not has_angles(dataset) or model.prior_dim != 2 or len(labels) < 3:
        return None
    fit = polar_regression(latent_means(model, examples_of(dataset, split)), labels)
    return {
        "mean_absolute_error": fit.mean_absolute_error,
        "aligned_error": fit.aligned_error,
        "baseline_error": fit.baseline_error,
        "winding": fit.winding,
        "split": split,
        "num_examples": len(labels),
    }


def separation(model: HierarchicalVAE, dataset: Dataset) -> Config | None:
    """Measure what single latent units tell of the labels of held-out examples.

    Returns:
        `mig`, `completeness` and the largest share of the labels' entropy that one unit tells; None
        unless there is one label for each example, and they differ.
    """
    split = held_out_split(dataset)
    labels = labels_of(dataset, split)
    if labels is None or len(np.unique(labels)) < 2 or len(labels) < MIN_SEPARATED:
        return None
    means = latent_means(model, examples_of(dataset, split))
    found = disentanglement(means, labels)
    shares = found.information / found.entropies
    return {
        "mig": found.mig,
        "completeness": found.completeness,
        "best_unit_share": float(shares.max()),
        "best_unit": int(shares.max(axis=1).argmax()),
        "split": split,
        "num_examples": len(labels),
    }


def latent_means(model: HierarchicalVAE, examples: NDArray[Any]) -> NDArray[np.float32]:
    """Return the posterior means of the latent that the prior governs, shape (n, prior_dim)."""
    return model.governed_latent(model.encode(examples))
