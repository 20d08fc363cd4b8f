"""Conformance of inference in two stages, as scoring asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiervae.inference.base import InferenceScheme
from hiervae.inference.passes import InferencePass
from hiervae.model import HierarchicalVAE
from hiervae.random import inject_noise
from hiervae.testing.check import Array, Check
from hiervae.testing.passes import BATCH, SAMPLES, check_pass
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import check_seeds, generator, normal_array, numpy, tensor
from hiervae.utils.overrides import stands_for


def has_two_stages(scheme: InferenceScheme) -> bool:
    """Whether the model asks a scheme for `infer_encoded` in place of `infer`."""
    return stands_for(scheme, "infer_encoded", "infer")


def infer_encoded(model: HierarchicalVAE, **arguments: Any) -> InferencePass:
    """Return a pass over a batch of four examples, encoded before it, with three draws each."""
    inputs = tensor(normal_array(BATCH, *(model.event_shape or ())))
    encoded = model.inference.encode_examples(inputs)
    arguments = {"num_samples": SAMPLES, "seed": generator(), **arguments}
    return model.inference.infer_encoded(encoded, **arguments)


def check_infer_encoded(subject: Subject, model: HierarchicalVAE) -> None:
    """Check that a scheme with two stages infers what it does in one, outside training."""
    scheme = model.inference
    if not has_two_stages(scheme):
        return
    fix = (
        "Let encode_examples() and infer_encoded() give what infer() does outside training: the "
        "same posteriors, draws in the same order, row s * batch + b."
    )
    inputs = tensor(normal_array(BATCH, *(model.event_shape or ())))
    with subject.check("infer_encoded", fix) as check:
        encoded = scheme.encode_examples(inputs)
        for number, sample in ((SAMPLES, True), (1, True), (SAMPLES, False)):
            with inject_noise(_noise):
                expected = scheme.infer(inputs, num_samples=number, sample=sample, seed=generator())
                outcome = scheme.infer_encoded(
                    encoded, num_samples=number, sample=sample, seed=generator()
                )
            check_pass(check, model, outcome, number * BATCH)
            check.require(
                outcome.components is None, "components without pseudo-inputs", "components=None"
            )
            _require_same(check, outcome, expected)
    fix = "Draw all randomness from the `seed` of infer_encoded()."
    with subject.check("seeds", fix) as check:
        check_seeds(
            check,
            lambda seed: [
                numpy(level.latent)
                for level in scheme.infer_encoded(encoded, num_samples=SAMPLES, seed=seed).levels
            ],
        )


def _noise(kind: str, shape: tuple[int, ...]) -> Array:
    """Noise of a kind and shape, the same in both passes; no two rows are alike."""
    source = np.random.default_rng(5)
    noise = source.standard_normal(shape) if kind == "normal" else source.random(shape)
    return noise.astype("float32")


def _require_same(check: Check, outcome: InferencePass, expected: InferencePass) -> None:
    """Fail unless a pass of encoded examples is the one of the examples themselves."""
    for index, (found, wanted) in enumerate(
        zip(outcome.levels, expected.levels, strict=True), start=1
    ):
        end = f"of level {index} by infer_encoded()"
        check.require(
            found.top_down == wanted.top_down,
            f"top_down = {found.top_down} {end}",
            f"{wanted.top_down}, as by infer()",
        )
        pairs = {
            "the posterior": (found.posterior, wanted.posterior),
            "the conditional prior": (found.conditional_prior, wanted.conditional_prior),
        }
        for what, (normal, right) in pairs.items():
            if normal is None or right is None:
                continue  # check_pass() has looked at which levels have one
            for name in ("mean", "log_variance"):
                check.require_close(
                    f"the {name} of {what} {end}",
                    numpy(getattr(normal, name)),
                    numpy(getattr(right, name)),
                )
        check.require_close(f"the latent {end}", numpy(found.latent), numpy(wanted.latent))
        check.require_close(
            f"log q(z) {end}", numpy(found.log_posterior()), numpy(wanted.log_posterior())
        )
    check.require_close(
        "features by infer_encoded()", numpy(outcome.features), numpy(expected.features)
    )
