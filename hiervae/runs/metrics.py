"""The metrics of a trained model."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets import Dataset
from hiervae.evaluation.polar_regression import polar_regression
from hiervae.model import HierarchicalVAE
from hiervae.runs.data import examples_of, has_angles, held_out_split, labels_of
from hiervae.types import Config


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
    progress: Callable[[int], None] | None = None,
    resume_file: Path | None = None,
) -> Config:
    """Estimate the log-likelihood with importance samples (Burda et al. 2016).

    Args:
        model: a trained model.
        examples: shape (n, *event_shape).
        num_samples: importance samples S of an example.
        batch_size: examples per pass.
        seed: of the draws; the numbers are those of `model.log_likelihood`.
        rows_per_pass: as in `model.log_likelihood`.
        progress: told after each batch how many examples are done.
        resume_file: as in `model.score`.

    Returns:
        `negative_log_likelihood` in nats, the mean over the examples; its `standard_error` over
        the examples; `bits_per_dimension`; `sampling_error`, the part of the standard error that
        is due to the importance samples; and of the weights' effective sample sizes the
        `median_effective_sample_size`, the `smallest_effective_sample_size` and
        `degenerate_examples`, the number of examples where it is below 2.

    Raises:
        DataError: if the examples do not suit the model.
        NonFiniteLossError: if a value comes out infinite or NaN.
        OSError: if `resume_file` cannot be written.
    """
    scores = model.score(
        examples, num_samples, batch_size, seed, 0, rows_per_pass, resume_file, progress
    )
    number = len(examples)
    mean = -float(scores.log_likelihood.mean())
    spread = float(scores.log_likelihood.std(ddof=1)) if number > 1 else math.nan
    return {
        "negative_log_likelihood": mean,
        "standard_error": spread / math.sqrt(number),
        "bits_per_dimension": mean / (model.num_dimensions * math.log(2.0)),
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


def latent_means(model: HierarchicalVAE, examples: NDArray[Any]) -> NDArray[np.float32]:
    """Return the posterior means of the latent that the prior governs, shape (n, prior_dim)."""
    return model.governed_latent(model.encode(examples))
