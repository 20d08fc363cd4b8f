"""The generative structure of an inference scheme, and its posteriors of pseudo-inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiervae.inference.base import InferenceScheme
from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Array
from hiervae.testing.inference_draws import MANY, check_residuals, check_seeds
from hiervae.testing.inference_levels import BATCH, SAMPLES, check_normal, check_pass, infer
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import generator, normal_array, numpy, tensor

PSEUDO_INPUTS = 5


def check_components(subject: Subject, model: HierarchicalVAE) -> None:
    """Check the posteriors of pseudo-inputs, encoded beside the batch and alone."""
    fix = "Encode the pseudo-inputs as examples; return q(z | u_k) of the latent under the prior."
    with subject.check("components", fix) as check:
        shape = (PSEUDO_INPUTS, model.prior_dim)
        inputs = tensor(normal_array(PSEUDO_INPUTS, *(model.event_shape or ()), seed=7))
        outcome = infer(model, pseudo_inputs=inputs)
        check_pass(check, model, outcome, SAMPLES * BATCH)
        check_normal(check, "components", outcome.components, shape)
        alone = model.inference.encode_components(inputs, seed=generator())
        check_normal(check, "encode_components()", alone, shape)
        beside = infer(model, pseudo_inputs=inputs, sample=False)
        plain = infer(model, sample=False)
        for first, second in zip(beside.levels, plain.levels, strict=True):
            check.require_close(
                "the posterior mean of an example encoded beside pseudo-inputs",
                numpy(first.posterior.mean),
                numpy(second.posterior.mean),
            )
    if model.inference.components_are_drawn(model.num_levels):
        _check_drawn_components(subject, model, inputs)
    else:
        _check_exact_components(subject, model, inputs)


def _check_drawn_components(subject: Subject, model: HierarchicalVAE, inputs: Any) -> None:
    """Check that components which are said to depend on draws do."""
    fix = "Draw from the `seed` of encode_components(), or let components_are_drawn() return False."
    with subject.check("components", fix) as check:

        def means(seed: Any) -> list[Array]:
            return [numpy(model.inference.encode_components(inputs, seed=seed).mean)]

        check_seeds(check, means)


def _check_exact_components(subject: Subject, model: HierarchicalVAE, inputs: Any) -> None:
    """Check that components are what the same inputs have as posteriors when they are examples."""
    fix = (
        "Encode the pseudo-inputs as examples; let components_are_drawn() say whether q(z | u_k) "
        "depends on draws of other levels."
    )
    with subject.check("components", fix) as check:
        outcome = infer(model, pseudo_inputs=inputs)
        alone = model.inference.encode_components(inputs, seed=generator())
        levels = infer(model, inputs=inputs, num_samples=1, seed=generator(5)).levels
        for name in ("mean", "log_variance"):
            expected = model.governed_latent(
                [numpy(getattr(level.posterior, name)) for level in levels]
            )
            for what, normal in (("components", outcome.components), ("alone", alone)):
                check.require_close(
                    f"the {name} of q(z | u_k) ({what})", numpy(getattr(normal, name)), expected
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
