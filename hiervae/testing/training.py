"""Conformance of the density that a prior has in training, where it is another one."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np

from hiervae.distributions import DiagonalNormal
from hiervae.model import HierarchicalVAE
from hiervae.priors.base import has_training_density
from hiervae.random import inject_noise
from hiervae.testing.check import Array
from hiervae.testing.density import DEVIATIONS, SLACK, compare
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import (
    ROWS,
    binary_examples,
    generator,
    normal_array,
    numpy,
    tensor,
)

POINTS = 4_000
EXAMPLES = 2
ORDER = np.array([3, 0, 5, 1, 4, 2])
"""Another order of ROWS rows, which neither reverses nor rotates them."""


class _Density:
    """`log_prob_in_training` of a built prior, which starts from the same weights at each call."""

    def __init__(self, model: HierarchicalVAE, components: Any) -> None:
        self._prior, self._scheme, self._components = model.prior, model.inference, components
        self.was_encoded = False

    def _encode(self, inputs: Any, seed: Any) -> DiagonalNormal:
        self.was_encoded = True
        return self._scheme.encode_components(inputs, seed=seed)

    def __call__(self, latent: Array, inputs: Array) -> Any:
        seed = generator(5)
        encode = partial(self._encode, seed=seed)
        with keras.StatelessScope():  # it may assign to its weights
            return self._prior.log_prob_in_training(
                tensor(latent), tensor(inputs), encode, self._components, seed=seed
            )

    def plain(self, latent: Array) -> Any:
        """`log_prob` of the same."""
        return self._prior.log_prob(
            tensor(latent), self._components, seed=generator(5), training=True
        )


def check_training_density(subject: Subject, model: HierarchicalVAE, components: Any) -> None:
    """Check `log_prob_in_training` of a prior that overrides it.

    What it sees of the examples may make it another density than `log_prob`, and it may leave out
    what hardly matters, but it must not promise more than one density has.

    Args:
        subject: the prior.
        model: a built model with it.
        components: the posteriors of its pseudo-inputs, if it has any.
    """
    prior = model.prior
    if not has_training_density(prior):
        return
    density = _Density(model, components)
    latent, inputs = normal_array(ROWS, model.prior_dim), _examples(model, ROWS)
    fix = "Give each row the log-density of its z for its own example: (n, prior_dim) gives (n,)."
    with subject.check("log_prob_in_training", fix) as check:
        values = check.require_array("log_prob_in_training", density(latent, inputs), (ROWS,))
        check.require(
            np.isfinite(values).all(), f"log_prob_in_training = {values}", "finite numbers"
        )
        with inject_noise(lambda _, shape: np.full(shape, 0.25, dtype="float32")):
            before, shuffled, others = (
                numpy(density(rows, examples))
                for rows, examples in (
                    (latent, inputs),
                    (latent[ORDER], inputs[ORDER]),
                    (latent, 1.0 - inputs),
                )
            )
            plain = numpy(density.plain(latent))
        check.require_close(
            "log_prob_in_training of the rows in another order", shuffled, before[ORDER]
        )
    fix = "Let it be log_prob(), but for what it sees of the examples."
    with subject.check("log_prob_in_training", fix) as check:
        if prior.is_exact and not density.was_encoded and (before == others).all():
            check.require_close("log_prob_in_training that depends on no example", before, plain)
    fix = "Normalise: where a component is left out, over the number of those that are left."
    with subject.check("log_prob_in_training", fix) as check:
        draws = numpy(prior.sample(POINTS, components, seed=generator(6))).astype("float64")
        for example in inputs[:EXAMPLES]:

            def log_prob(points: Array, example: Array = example) -> Array:
                return numpy(density(points, np.repeat(example[None], len(points), axis=0)))

            with np.errstate(over="ignore"):
                result = compare(log_prob, draws)
            check.require(
                result.integral <= 1.0 + DEVIATIONS * result.integral_error + SLACK,
                f"{result.integral:.4f} +- {result.integral_error:.4f} as the integral of "
                "exp(log_prob_in_training) over z, for one example",
                "at most 1",
            )


def _examples(model: HierarchicalVAE, count: int) -> Array:
    """Examples of which a part that was adapted has seen the first ones."""
    return binary_examples(count, model.event_shape or ())
