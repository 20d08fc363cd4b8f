"""What is measured of a trained model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiervae.datasets import Dataset
from hiervae.evaluation.polar_regression import polar_regression
from hiervae.model import HierarchicalVAE
from hiervae.runs.run_data import examples_of, has_angles, held_out_split, labels_of
from hiervae.types import Config


def bound_of(model: HierarchicalVAE, examples: NDArray[Any], batch_size: int) -> Config:
    """The ELBO and its terms at beta = 1, means over the examples in nats.

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
    verbose: int = 0,
) -> Config:
    """The importance-weighted estimate of the log-likelihood (Burda et al. 2016).

    Returns:
        `negative_log_likelihood` in nats, the mean over the examples; its `standard_error` over
        the examples; and `bits_per_dimension`.
    """
    scores = -model.log_likelihood(
        examples,
        num_samples=num_samples,
        batch_size=batch_size,
        seed=seed,
        verbose=verbose,
        rows_per_pass=rows_per_pass,
    )
    mean = float(scores.mean())
    spread = float(scores.std(ddof=1)) if len(scores) > 1 else math.nan
    return {
        "negative_log_likelihood": mean,
        "standard_error": spread / math.sqrt(len(scores)),
        "bits_per_dimension": mean / (model.num_dimensions * math.log(2.0)),
    }


def prior_samples(model: HierarchicalVAE) -> int | None:
    """K, the samples of a prior that estimates its density; None where the density is exact."""
    if model.prior.is_exact:
        return None
    evaluation = getattr(model.prior, "evaluation_importance_samples", None)
    return evaluation or getattr(model.prior, "num_importance_samples", None)


def polar_error(model: HierarchicalVAE, dataset: Dataset) -> Config | None:
    """The polar regression of the angle on two-dimensional latent means.

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
    """Posterior means of the latent that the prior governs, shape (n, prior_dim)."""
    return model.governed_latent(model.encode(examples))
