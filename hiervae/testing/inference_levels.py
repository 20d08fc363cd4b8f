"""What an inference pass consists of."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiervae.distributions import DiagonalNormal
from hiervae.inference.passes import InferencePass
from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Check
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import HALF, generator, normal_array, numpy, small_model, tensor

BATCH, SAMPLES = 4, 3


def infer(model: HierarchicalVAE, scale: float = 1.0, **arguments: Any) -> InferencePass:
    """A pass over a batch of four examples, with three draws each."""
    inputs = tensor(normal_array(BATCH, *(model.event_shape or ()), scale=scale))
    arguments = {"inputs": inputs, "num_samples": SAMPLES, "seed": generator(), **arguments}
    return model.inference.infer(**arguments)


def check_levels(subject: Subject, model: HierarchicalVAE) -> None:
    """Check number, shapes and types of levels and features, and inputs that are far out."""
    scheme = model.inference
    fix = "Return one Level per latent, z_1 first, with arrays (samples * batch, *latent_shape)."
    with subject.check("levels", fix) as check:
        structure = getattr(scheme, "structure", None)
        check.require(
            structure in ("stacked", "flat"), f"structure = {structure!r}", "'stacked' or 'flat'"
        )
        outcome = infer(model)
        check_pass(check, model, outcome, SAMPLES * BATCH)
        check.require(
            outcome.components is None, "components without pseudo-inputs", "components=None"
        )
    fix = "Set features_shape in build(), and return from infer() what decode() returns."
    with subject.check("features", fix) as check:
        shape = (SAMPLES * BATCH, *scheme.features_shape)
        received = tuple(outcome.features.shape)
        check.require(received == shape, f"features of shape {received}", f"{shape}")
        decoded = numpy(scheme.decode([level.latent for level in outcome.levels]))
        check.require_close("decode() of the latents", decoded, numpy(outcome.features))
    with subject.check("extremes", "Bound log-variances; see NormalHead.") as check:
        check_pass(check, model, infer(model, scale=1e4), SAMPLES * BATCH)


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


def check_precision(
    subject: Subject, latent_dims: tuple[int, ...], event_shape: tuple[int, ...]
) -> None:
    """Check that levels stay in float32 under a half-precision policy."""
    fix = "Cast to float32 what latents and their distributions are made of; see NormalHead."
    with subject.check("precision", fix) as check:
        model = small_model(
            event_shape,
            inference=subject.fresh(HALF),
            latent_dims=latent_dims,
            dtype=HALF,
        )
        check_pass(check, model, infer(model), SAMPLES * BATCH)
