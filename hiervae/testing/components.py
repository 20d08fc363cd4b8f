"""Conformance of the posteriors of pseudo-inputs that an inference scheme gives."""

from __future__ import annotations

from typing import Any

from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Array
from hiervae.testing.passes import BATCH, SAMPLES, check_normal, check_pass, infer
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import check_seeds, generator, normal_array, numpy, tensor

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
