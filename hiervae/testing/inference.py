"""Conformance of an inference scheme."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from hiervae.inference.base import InferenceScheme
from hiervae.inference.passes import Level
from hiervae.model import HierarchicalVAE
from hiervae.testing.behaviour import check_memory, check_traced
from hiervae.testing.check import Array, Check
from hiervae.testing.components import check_components
from hiervae.testing.composition import check_composition
from hiervae.testing.density import DEVIATIONS, check_drawn_density
from hiervae.testing.encoded import check_infer_encoded, has_two_stages, infer_encoded
from hiervae.testing.error import ConformanceError
from hiervae.testing.outcomes import step
from hiervae.testing.passes import (
    BATCH,
    SAMPLES,
    check_normal,
    check_pass,
    check_residuals,
    infer,
)
from hiervae.testing.precision import check_in_model
from hiervae.testing.process import check_process
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import (
    EVENT_SHAPE,
    HALF,
    accepted_models,
    binary_examples,
    check_seeds,
    generator,
    normal_array,
    numpy,
    small_model,
    standardize,
    tensor,
)

CHECKS = (
    "signature",
    "config",
    "live_options",
    "build",
    "levels",
    "features",
    "extremes",
    "draws",
    "folding",
    "seeds",
    "infer_encoded",
    "components",
    "generate",
    "conditional_prior",
    "kl",
    "precision",
    "traced",
    "memory",
    "fit",
    "gradients",
    "state",
    "inspection",
    "saving",
    "process",
)
"""The names of the checks, in the order in which they begin."""

LATENT_DIMS = ((3,), (3, 2), (2, 3, 2))
MANY, DRAWS = 400, 10_000


def check_inference(
    inference: Any, *, event_shape: tuple[int, ...] = EVENT_SHAPE, **options: Any
) -> None:
    """Check a scheme against the whole contract of `hiervae.inference.InferenceScheme`.

    With one and with three levels (or what it accepts of one to three): `signature` (methods take
    the arguments of the base class), `config` (get_config() is complete, JSON, and survives a round
    trip), `live_options` (options of the constructor, whose new value is in get_config()), `levels`
    (their number, shapes, types and conditional priors), `features` (those of decode), `draws`
    (latents are draws of the posteriors, or their means; where a level says its `log_density`,
    draws have that density), `folding` (sample-major, no row depends on another), `seeds`,
    `infer_encoded` (where it is overridden: with encode_examples it is infer), `components`
    (posteriors of pseudo-inputs, drawn or not as the scheme says), `generate`, `conditional_prior`
    (the one that generate draws from and that the method of this name gives), `kl` (the closed form
    has the mean of log q - log p, so that `top_down` is right), `extremes`, `precision`, `traced`
    (infer and generate run on tensors without values), `memory` (nothing is kept of a call),
    `process` (the config means the same in another process). Composed into a model: `fit`,
    `gradients`, `inspection` and `saving`.

    Args:
        inference: a name, a config, a class or an instance; an instance is not changed.
        event_shape: shape of an example.
        **options: constructor arguments beside a name, a config or a class.

    Raises:
        ConformanceError: if a check fails; `check` names it.
        RegistryError: if the name stands for no scheme, or for several.
        IncompatiblePluginError: if the class is abstract, no scheme, or of another interface.
        ValueError: if the scheme refuses an option.

    Example:
        >>> check_inference("bottom_up")
    """
    subject = Subject("hiervae.inference", InferenceScheme, inference, options)
    with subject.scope():
        settings = [
            {"event_shape": event_shape, "inference": subject.fresh(), "latent_dims": dims}
            for dims in LATENT_DIMS
        ]
        models = accepted_models(subject, settings)
        for model in models:
            standardize(model.inference.trainable_variables)
        for model in dict.fromkeys((models[0], models[-1])):
            for check in (
                check_levels,
                check_draws,
                check_infer_encoded,
                check_components,
                check_generate,
            ):
                with step():
                    check(subject, model)
        middle = models[len(models) // 2]
        with step():
            check_conditional_prior(subject, models[-1])
        with step():
            check_kl(subject, middle)
        dims = middle.latent_dims
        with step():
            check_precision(subject, dims, event_shape)
        with step():
            check_calls(subject, middle)
        with step():
            model = small_model(event_shape, inference=subject.fresh(), latent_dims=dims)
            check_composition(subject, model, binary_examples(24, event_shape))
        check_process(subject)


def check_calls(subject: Subject, model: HierarchicalVAE) -> None:
    """Check a scheme when it is traced and when it is called often."""
    scheme = model.inference
    examples = normal_array(BATCH, *(model.event_shape or ()))
    latent = normal_array(BATCH, model.prior_dim)

    def use(seed: Any, inputs: Any, top: Any) -> None:
        scheme.infer(inputs, num_samples=SAMPLES, seed=seed, training=True)
        if has_two_stages(scheme):
            scheme.infer_encoded(scheme.encode_examples(inputs), SAMPLES, seed=seed)
        scheme.generate(top, seed=seed)

    check_traced(subject, "infer() and generate()", use, examples, latent)
    with keras.StatelessScope():  # no statistics of batches may change
        check_memory(subject, lambda: use(generator(), tensor(examples), tensor(latent)), scheme)


def check_levels(subject: Subject, model: HierarchicalVAE) -> None:
    """Check number, shapes and types of levels and features, and inputs that are far out."""
    scheme = model.inference
    fix = "Return one Level per latent, z_1 first, with arrays (samples * batch, *latent_shape)."
    with subject.check("levels", fix) as check:
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


def check_precision(
    subject: Subject, latent_dims: tuple[int, ...], event_shape: tuple[int, ...]
) -> None:
    """Check that levels stay in float32 under a half-precision policy."""
    fix = (
        "Cast to float32 what latents and their distributions are made of; see NormalHead. Leave "
        "`autocast` of add_weight() at its default, False."
    )
    with subject.check("precision", fix, fix_suits_exceptions=True) as check:
        model = small_model(
            event_shape,
            inference=subject.fresh(HALF),
            latent_dims=latent_dims,
            dtype=HALF,
        )
        check_pass(check, model, infer(model), SAMPLES * BATCH)
        if has_two_stages(model.inference):
            check_pass(check, model, infer_encoded(model), SAMPLES * BATCH)

        def use() -> dict[str, Any]:
            levels = enumerate(infer(model).levels, start=1)
            return {f"the latent of level {index}": level.latent for index, level in levels}

        check_in_model(check, model.inference.trainable_variables, use)


def check_draws(subject: Subject, model: HierarchicalVAE) -> None:
    """Check draws against posteriors, the order of rows, and seeds."""
    _check_latents(subject, model)
    _check_folding(subject, model)
    fix = "Draw all randomness from the `seed` that is passed."
    with subject.check("seeds", fix) as check:
        for training in (False, True):
            check_seeds(check, partial(latents, model, training=training))


def latents(model: HierarchicalVAE, seed: Any, training: bool) -> list[Array]:
    """Return the latents of a pass."""
    return [numpy(level.latent) for level in infer(model, seed=seed, training=training).levels]


def _standardised(check: Check, index: int, level: Level) -> tuple[Array, Array]:
    """Draws (MANY, BATCH, d) of a level in units of its normal, and their log-densities.

    What the levels drawn before say of this one is taken away by a linear fit to its mean.
    """
    density = check.require_array(
        f"log_density of level {index}", level.log_posterior(), (MANY * BATCH,)
    )
    draws, mean, log_variance = (
        numpy(each).astype("float64").reshape(MANY, BATCH, -1)
        for each in (level.latent, level.posterior.mean, level.posterior.log_variance)
    )
    known = np.concatenate([np.ones_like(mean[..., :1]), mean], axis=-1)
    precision = np.exp(-0.5 * log_variance)
    draws *= precision
    for group, unit in np.ndindex(draws.shape[1:]):
        features = known[:, group] * precision[:, group, unit, None]
        fit, *_ = np.linalg.lstsq(features, draws[:, group, unit], rcond=None)
        draws[:, group, unit] -= features @ fit
    return draws, density.reshape(MANY, BATCH) + 0.5 * log_variance.sum(axis=-1)


def _check_densities(check: Check, levels: Sequence[Level]) -> None:
    """Check the log-densities of draws level by level, or else those of all levels together.

    A normal may fit right draws so badly that they look wrong, but hardly in both ways.
    """
    apart = {
        index: _standardised(check, index, level)
        for index, level in enumerate(levels, start=1)
        if level.log_density is not None
    }
    try:
        for index, (draws, log_density) in apart.items():
            check_drawn_density(check, f"latents of level {index}", draws, log_density)
    except ConformanceError:
        columns = [numpy(level.latent).reshape(MANY, BATCH, -1) for level in levels]
        total = np.sum([numpy(level.log_posterior()) for level in levels], axis=0)
        draws = np.concatenate(columns, axis=-1)
        check_drawn_density(check, "latents", draws, total.reshape(MANY, BATCH))


def _check_latents(subject: Subject, model: HierarchicalVAE) -> None:
    fix = "Take DiagonalNormal.sample(seed), or the mean where sample=False."
    with subject.check("draws", fix) as check:
        levels = infer(model, num_samples=MANY).levels
        for index, level in enumerate(levels, start=1):
            if level.log_density is None:
                check_residuals(check, f"latents of level {index}", level.latent, level.posterior)
        if any(level.log_density is not None for level in levels):
            _check_densities(check, levels)
        outcome = infer(model, sample=False, seed=None)
        for index, level in enumerate(outcome.levels, start=1):
            if level.log_density is not None:
                continue
            check.require_close(
                f"latents of level {index} with sample=False",
                numpy(level.latent),
                numpy(level.posterior.mean),
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


def check_generate(subject: Subject, model: HierarchicalVAE) -> None:
    """Check latents and features that are generated from the top."""
    scheme, rows = model.inference, SAMPLES * BATCH
    latent = normal_array(rows, model.prior_dim, seed=8)
    fix = "Return all latents z_1 ... z_L, the given one among them, and what decode() makes of it."
    with subject.check("generate", fix) as check:
        for scale, sample in ((1.0, True), (1.0, False), (1e4, True)):
            given = scale * latent
            outcome = scheme.generate(tensor(given), sample=sample, seed=generator())
            arrays: list[Array] = []
            check.require(
                len(outcome.latents) == model.num_levels,
                f"{len(outcome.latents)} latents",
                f"{model.num_levels}",
            )
            for index, (value, shape) in enumerate(
                zip(outcome.latents, model.latent_shapes, strict=True), start=1
            ):
                arrays.append(check.require_array(f"z_{index}", value, (rows, *shape)))
            check.require_close(
                "the latent that the prior governs", model.governed_latent(arrays), given
            )
            features = numpy(outcome.features)
            check.require(np.isfinite(features).all(), "features not finite", "finite numbers")
            decoded = numpy(scheme.decode(outcome.latents))
            check.require_close("decode() of the latents", features, decoded)
    if len(scheme.governed(model.latent_shapes)) < model.num_levels:
        with subject.check("seeds", "Draw all randomness from the `seed` of generate().") as check:
            check_seeds(
                check,
                lambda seed: [
                    numpy(value)
                    for value in scheme.generate(tensor(latent), seed=seed).latents[:-1]
                ],
            )


def check_conditional_prior(subject: Subject, model: HierarchicalVAE) -> None:
    """Check the priors of the levels below the top.

    The KL of z_{L-1} has to be against the prior which generates z_{L-1} from z_L, and
    `conditional_prior`, where the scheme has one, has to give what infer() compares with.
    """
    if len(model.inference.governed(model.latent_shapes)) == model.num_levels:
        return
    fix = "Let infer() take p(z_l | z_{l+1}, ...) from the generative model, with the same heads."
    with subject.check("conditional_prior", fix) as check:
        *_, level, top = infer(model, num_samples=MANY).levels
        conditional: Any = level.conditional_prior
        check_normal(check, "conditional prior", conditional, tuple(level.latent.shape))
        means = model.inference.generate(top.latent, sample=False).latents[-2]
        check.require_close(
            "the conditional mean that infer() compares with", numpy(conditional.mean), numpy(means)
        )
        draws = model.inference.generate(top.latent, seed=generator()).latents[-2]
        check_residuals(check, "generated latents", draws, conditional)
        if type(model.inference).conditional_prior is InferenceScheme.conditional_prior:
            return
        levels = infer(model).levels
        latents = [level.latent for level in levels]
        for index, level in enumerate(levels[:-1], start=1):
            given = model.inference.conditional_prior(latents[index:])
            for name in ("mean", "log_variance"):
                check.require_close(
                    f"the {name} of conditional_prior() of level {index}",
                    numpy(getattr(given, name)),
                    numpy(getattr(level.conditional_prior, name)),
                )


def check_kl(subject: Subject, model: HierarchicalVAE) -> None:
    """Compare the KL terms of the two kinds on the same draws."""
    inputs = tensor(binary_examples(BATCH, model.event_shape or ()))
    fix = "Set Level.top_down only where z_l is drawn after the latents its prior depends on."
    with subject.check("kl", fix) as check:
        totals = []
        for closed_form in (True, False):
            model.reset_generator(1)
            terms = model(inputs, return_terms=True, num_samples=DRAWS, closed_form=closed_form)
            totals.append(check.require_array("the KL", terms.total_kl, (DRAWS, BATCH)))
        difference = totals[0].astype("float64") - totals[1]
        error = difference.std(axis=0) / np.sqrt(DRAWS)
        gap = np.abs(difference.mean(axis=0)) - DEVIATIONS * error
        worst = int(gap.argmax())
        closed, estimated = (float(total.mean(axis=0)[worst]) for total in totals)
        check.require(
            gap[worst] <= 1e-3 * (1.0 + abs(closed)),
            f"a mean KL of {closed:.4f} nats in closed form beside {estimated:.4f} +- "
            f"{error[worst]:.4f} as the mean of log q - log p",
            "the same",
        )
