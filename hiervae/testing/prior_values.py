"""What a prior returns: shapes, types, seeds and numbers far out."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.model import HierarchicalVAE
from hiervae.testing.check import late_state
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import HALF, generator, normal_array, numpy, small_model, tensor

ROWS = 6
FAR = (0.0, 1e-6, 30.0, -1e3, 1e4, -1e4)


def check_log_prob_and_sample(subject: Subject, model: HierarchicalVAE) -> None:
    """Check what the two methods of a built prior return, and that they create no state."""
    prior, dim = model.prior, model.prior_dim
    names = [variable.path for variable in prior.variables]
    components = check_pseudo_inputs(subject, model)
    _check_log_prob(subject, prior, normal_array(ROWS, dim), components)
    _check_sample(subject, prior, dim, components)
    late = [variable.path for variable in prior.variables if variable.path not in names]
    if late:
        raise late_state(subject.part, f"the new weights {late} after log_prob and sample")


def check_properties(subject: Subject, model: HierarchicalVAE) -> None:
    """Check log-densities far out, `is_exact` and `distribution()` of a built prior."""
    prior, dim = model.prior, model.prior_dim
    components = check_pseudo_inputs(subject, model)
    latent = normal_array(ROWS, dim)
    _check_exactness(subject, prior, latent, components)
    _check_closed_form(subject, prior, latent)
    with subject.check("extremes", "Bound what is exponentiated; work with logarithms.") as check:
        far = np.repeat(np.array(FAR, dtype="float32")[:, None], dim, axis=1)
        values = prior.log_prob(tensor(far), components, seed=generator())
        array = check.require_array("log_prob far out", values, (len(FAR),))
        at = far[~np.isfinite(array), 0]
        check.require(not at.size, f"log_prob that is not finite at z = {at}", "finite numbers")


def check_pseudo_inputs(subject: Subject, model: HierarchicalVAE) -> DiagonalNormal | None:
    """Check the prior's pseudo-inputs, if any, and return their posteriors."""
    inputs = model.prior.pseudo_inputs
    if inputs is None:
        return None
    with subject.check("pseudo_inputs", "Return (K, *event_shape) in the data's range.") as check:
        shape = (inputs.shape[0], *(model.event_shape or ()))
        array = check.require_array("pseudo_inputs", inputs, shape)
        low, high = model.likelihood.value_range
        low, high = (-np.inf if low is None else low), (np.inf if high is None else high)
        check.require(
            ((array >= low) & (array <= high)).all(),
            f"pseudo-inputs from {array.min():g} to {array.max():g}",
            f"values from {low} to {high}, the range in `context.value_range`",
        )
        return model.inference.encode_components(inputs, seed=generator())


def _check_log_prob(
    subject: Subject, prior: Any, latent: np.ndarray[Any, Any], components: Any
) -> None:
    fix = "Sum over the last axis alone, never over rows: (n, prior_dim) gives (n,)."
    with subject.check("log_prob", fix) as check:
        values = prior.log_prob(tensor(latent), components, seed=generator())
        before = check.require_array("log_prob", values, (ROWS,))
        changed = latent.copy()
        changed[: ROWS // 2] += 1.0
        values = prior.log_prob(tensor(changed), components, seed=generator())
        kept = slice(ROWS // 2, None)
        check.require_close(
            "log_prob of a row after another row has changed", numpy(values)[kept], before[kept]
        )


def _check_sample(subject: Subject, prior: Any, dim: int, components: Any) -> None:
    with subject.check("sample", "Return draws of shape (num_samples, prior_dim).") as check:
        source = generator()
        first = prior.sample(ROWS, components, seed=source)
        array = check.require_array("sample", first, (ROWS, dim))
        check.require(np.isfinite(array).all(), "draws that are not finite", "finite numbers")
    with subject.check("seeds", "Draw all randomness from the `seed` that is passed.") as check:
        again = numpy(prior.sample(ROWS, components, seed=generator()))
        check.require(
            (again == array).all(), "different draws from the same seed", "the same draws"
        )
        other = numpy(prior.sample(ROWS, components, seed=generator(2)))
        check.require(
            (other != array).any(), "the same draws from different seeds", "different draws"
        )
        later = numpy(prior.sample(ROWS, components, seed=source))
        check.require(
            (later != array).any(), "the same draws twice from one generator", "new draws"
        )


def _check_exactness(
    subject: Subject, prior: Any, latent: np.ndarray[Any, Any], components: Any
) -> None:
    fix = "Let is_exact be False for a density that is estimated by sampling."
    with subject.check("exactness", fix) as check:
        check.require(
            isinstance(prior.is_exact, bool), f"is_exact = {prior.is_exact!r}", "True or False"
        )
        first, again, other = (
            numpy(prior.log_prob(tensor(latent), components, seed=generator(seed)))
            for seed in (1, 1, 2)
        )
        check.require(
            (first == again).all(), "two values of log_prob from the same seed", "the same values"
        )
        check.require(
            not prior.is_exact or (first == other).all(),
            "a log_prob that depends on the seed, beside is_exact = True",
            "is_exact = False, since an estimate is not a density",
        )
    fix = "Evaluate one density whatever `training` says, or let is_exact be False."
    with subject.check("exactness", fix) as check:
        if prior.is_exact:
            values = prior.log_prob(tensor(latent), components, seed=generator(), training=True)
            check.require_close(
                "log_prob with training=True, beside is_exact = True,", numpy(values), first
            )


def _check_closed_form(subject: Subject, prior: Any, latent: np.ndarray[Any, Any]) -> None:
    normal = prior.distribution()
    if normal is None:
        return
    fix = "Let distribution() be the normal that log_prob evaluates, or return None."
    with subject.check("closed_form", fix) as check:
        shape = (1, latent.shape[-1])
        check.require_array("distribution().mean", normal.mean, shape)
        check.require_array("distribution().log_variance", normal.log_variance, shape)
        check.require_close(
            "log_prob beside distribution()",
            numpy(prior.log_prob(tensor(latent), seed=generator())),
            numpy(normal.log_prob(tensor(latent))),
        )


def check_precision(subject: Subject, event_shape: tuple[int, ...], dim: int) -> None:
    """Check that log-densities stay in float32 under a half-precision policy."""
    fix = "Cast to float32 before log-densities are formed."
    with subject.check("precision", fix) as check:
        model = small_model(event_shape, prior=subject.fresh(HALF), latent_dims=(dim,), dtype=HALF)
        prior, latent = model.prior, tensor(normal_array(ROWS, dim))
        components = check_pseudo_inputs(subject, model)
        values = prior.log_prob(latent, components, seed=generator())
        check.require_array("log_prob under mixed_float16", values, (ROWS,))
        draws = prior.sample(ROWS, components, seed=generator())
        check.require_array("sample under mixed_float16", draws, (ROWS, dim))
        check.require(bool(ops.all(ops.isfinite(draws))), "draws not finite", "finite numbers")
