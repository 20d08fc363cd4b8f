"""The metrics of a trained model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets import Dataset
from hiervae.evaluation import disentanglement
from hiervae.evaluation.polar_regression import polar_regression
from hiervae.model import HierarchicalVAE
from hiervae.model.scores import Scores
from hiervae.runs.data import examples_of, has_angles, held_out_split, labels_of
from hiervae.types import Config

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


def summary_of(model: HierarchicalVAE, scores: Scores) -> Config:
    """Summarise importance-weighted log-likelihoods (Burda et al. 2016).

    Args:
        model: the trained model that gave them.
        scores: what `model.score` gave.

    Returns:
        `negative_log_likelihood` in nats, the mean over the examples; its `standard_error` over
        the examples; `bits_per_dimension`; `sampling_error`, the part of the standard error that
        is due to the importance samples; and of the weights' effective sample sizes the
        `median_effective_sample_size`, the `smallest_effective_sample_size` and
        `degenerate_examples`, the number of examples where it is below 2. One importance sample
        says nothing of the last four; they are left out.
    """
    number = len(scores.log_likelihood)
    mean = -float(scores.log_likelihood.mean())
    spread = float(scores.log_likelihood.std(ddof=1)) if number > 1 else math.nan
    summary = {
        "negative_log_likelihood": mean,
        "standard_error": spread / math.sqrt(number),
        "bits_per_dimension": mean / (model.num_dimensions * math.log(2.0)),
    }
    if scores.num_samples == 1:
        return summary
    return {
        **summary,
        "sampling_error": float(np.sqrt(np.square(scores.standard_error).sum())) / number,
        "median_effective_sample_size": float(np.median(scores.effective_sample_size)),
        "smallest_effective_sample_size": float(scores.effective_sample_size.min()),
        "degenerate_examples": scores.num_degenerate,
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
