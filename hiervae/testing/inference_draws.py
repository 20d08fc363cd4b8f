"""How an inference scheme draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiervae.distributions import DiagonalNormal
from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Array, Check
from hiervae.testing.inference_levels import BATCH, SAMPLES, infer
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import generator, normal_array, numpy, tensor

MANY = 400
DEVIATIONS = 6.0


def check_draws(subject: Subject, model: HierarchicalVAE) -> None:
    """Check draws against posteriors, the order of rows, and seeds."""
    _check_latents(subject, model)
    _check_folding(subject, model)
    fix = "Draw all randomness from the `seed` that is passed."
    with subject.check("seeds", fix) as check:
        for training in (False, True):
            check_seeds(
                check, lambda seed, training=training: latents(model, seed=seed, training=training)
            )


def latents(model: HierarchicalVAE, **arguments: Any) -> list[Array]:
    """The latents of a pass."""
    return [numpy(level.latent) for level in infer(model, **arguments).levels]


def _check_latents(subject: Subject, model: HierarchicalVAE) -> None:
    fix = "Take DiagonalNormal.sample(seed), or the mean where sample=False."
    with subject.check("draws", fix) as check:
        for index, level in enumerate(infer(model, num_samples=MANY).levels, start=1):
            check_residuals(check, f"latents of level {index}", level.latent, level.posterior)
        outcome = infer(model, sample=False, seed=None)
        for index, level in enumerate(outcome.levels, start=1):
            check.require_close(
                f"latents of level {index} with sample=False",
                numpy(level.latent),
                numpy(level.posterior.mean),
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


def _check_folding(subject: Subject, model: HierarchicalVAE) -> None:
    fix = "Fold samples before examples: row s * batch + b; see DiagonalNormal.repeat."
    with subject.check("folding", fix) as check:
        inputs = normal_array(BATCH, *(model.event_shape or ()))
        changed = inputs.copy()
        changed[1] += 1.0
        before, after = infer(model, inputs=tensor(inputs)), infer(model, inputs=tensor(changed))
        moved = np.zeros((SAMPLES, BATCH), dtype=bool)
        for first, second in zip(before.levels, after.levels, strict=True):
            difference = np.abs(numpy(first.posterior.mean) - numpy(second.posterior.mean))
            moved |= (difference.max(axis=-1) > 1e-5).reshape(SAMPLES, BATCH)
        rows = np.flatnonzero(moved).tolist()
        expected = [sample * BATCH + 1 for sample in range(SAMPLES)]
        check.require(
            rows == expected,
            f"other posteriors in the rows {rows} after example 1 of {BATCH} has changed, with "
            f"{SAMPLES} samples",
            f"the rows {expected}",
        )


def check_seeds(check: Check, draw: Any) -> None:
    """Check that `draw(generator)`, which returns arrays, depends on the generator alone."""
    source = generator()
    first, later = draw(source), draw(source)
    again, other = draw(generator()), draw(generator(2))
    for index, array in enumerate(first):
        check.require(
            (array == again[index]).all(), "different draws from the same seed", "the same draws"
        )
        check.require(
            (array != other[index]).any(), "the same draws from different seeds", "different draws"
        )
        check.require(
            (array != later[index]).any(), "the same draws twice from one generator", "new draws"
        )
