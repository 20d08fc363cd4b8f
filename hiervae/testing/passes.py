"""Passes of an inference scheme, and checks of what they return."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiervae.distributions import DiagonalNormal
from hiervae.inference.passes import InferencePass
from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Check
from hiervae.testing.density import DEVIATIONS
from hiervae.testing.workbench import generator, normal_array, numpy, tensor

BATCH, SAMPLES = 4, 3


def infer(model: HierarchicalVAE, scale: float = 1.0, **arguments: Any) -> InferencePass:
    """Return a pass over a batch of four examples, with three draws each."""
    inputs = tensor(normal_array(BATCH, *(model.event_shape or ()), scale=scale))
    arguments = {"inputs": inputs, "num_samples": SAMPLES, "seed": generator(), **arguments}
    return model.inference.infer(**arguments)


def check_pass(check: Check, model: HierarchicalVAE, outcome: InferencePass, rows: int) -> None:
    """Check the levels of a pass over so many rows."""
    number = len(outcome.levels)
    check.require(number == model.num_levels, f"{number} levels", f"{model.num_levels}")
    conditioned = number - len(model.inference.governed(outcome.levels))
    for index, (level, shape) in enumerate(zip(outcome.levels, model.latent_shapes, strict=True)):
        name = f"level {index + 1}"
        latent = check.require_array(f"the latent of {name}", level.latent, (rows, *shape))
        check.require(np.isfinite(latent).all(), f"a latent of {name} not finite", "finite numbers")
        check_normal(check, f"the posterior of {name}", level.posterior, (rows, *shape))
        conditional = level.conditional_prior
        if index < conditioned:
            check_normal(check, f"the conditional prior of {name}", conditional, (rows, *shape))
        else:
            check.require(
                conditional is None,
                f"a conditional prior of {name}, which the model's prior governs",
                "None",
            )


def check_normal(check: Check, what: str, normal: Any, shape: tuple[int, ...]) -> None:
    """Check that something is a diagonal normal with finite parameters of this shape."""
    check.require(
        isinstance(normal, DiagonalNormal), f"{what} = {type(normal).__name__}", "DiagonalNormal"
    )
    for name in ("mean", "log_variance"):
        array = check.require_array(f"the {name} of {what}", getattr(normal, name), shape)
        check.require(
            np.isfinite(array).all(), f"a {name} of {what} that is not finite", "finite numbers"
        )


def check_residuals(check: Check, what: str, draws: Any, normal: DiagonalNormal) -> None:
    """Check by mean and variance that draws (n, d) come from normals with parameters (n, d)."""
    residuals = (numpy(draws) - numpy(normal.mean)) / numpy(normal.stddev)
    bound = DEVIATIONS / np.sqrt(len(residuals))
    worst = np.abs(residuals.mean(axis=0)).max()
    check.require(
        worst <= bound, f"{what} with a standardised mean of {worst:.3f}", f"0 +- {bound:.3f}"
    )
    variance = residuals.var(axis=0)
    worst = variance[np.abs(variance - 1.0).argmax()]
    bound *= np.sqrt(2.0)
    check.require(
        abs(worst - 1.0) <= bound,
        f"{what} with a standardised variance of {worst:.3f}",
        f"1 +- {bound:.3f}",
    )
