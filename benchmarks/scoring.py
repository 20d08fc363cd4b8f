"""Log-likelihoods by importance sampling, by the package and by hand."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import models
from benchmarks.rows import OWN
from benchmarks.worker import Job

NUM_SAMPLES = 5000

ROWS = {"conv": 25, "pixelcnn": 25}
"""Examples times samples of a pass of the loops by hand, where other than their default."""


def prepare(name: str, subject: str, size: int, seed: int, smoke: bool) -> Job:
    """Prepare the log-likelihood of `size` examples at S = 5000."""
    samples = 20 if smoke else NUM_SAMPLES
    model = models.build(name, seed, 1, smoke)
    x = models.examples(name, size, seed)
    flop = _flop(name, model, samples)
    if subject == OWN:
        return Job(lambda: model.log_likelihood(x, samples, verbose=0), size, flop)
    return Job(by_hand(name, model, x, samples, seed, subject), size, flop)


def by_hand(
    name: str, model: Any, x: Any, samples: int, seed: int, backend: str
) -> Callable[[], np.ndarray[Any, Any]]:
    """The log-likelihood of all examples in one batch, written by hand for a backend."""
    from benchmarks.handwritten import scoring_weights

    prefix = "benchmarks.handwritten.scoring"
    loop, convolutions = (
        importlib.import_module(f"{prefix}_{part}") for part in (backend, f"convolutions_{backend}")
    )
    role = "one_level" if name in ("standard", "vamp") else name
    weights = getattr(scoring_weights, role)(model)
    function = getattr(loop, role, None) or getattr(convolutions, role)
    rows = {"rows_per_pass": ROWS[name]} if name in ROWS else {}
    return lambda: loop.log_likelihood(function, weights, x, samples, seed, len(x), **rows)


def _flop(name: str, model: Any, samples: int) -> float | None:
    """Operations of the products that depend on the draw, for one example."""
    if name not in {"standard", "vamp", "hvae_vamp"}:
        return None
    scheme, mixture = model.inference, 0
    encoders = models.products(scheme.encoders[-1]) + models.products(scheme.posterior_heads[-1])
    if "vamp" in name:
        mixture = models.COMPONENTS * 2 * models.LATENTS
    if name == "hvae_vamp":  # of the lower encoder, what reads x is not repeated
        from benchmarks.handwritten.scoring_weights import hvae_vamp

        weights = hvae_vamp(model)
        encoders += np.prod(weights["lower_x"][0][0].shape)
        encoders += np.prod(weights["lower_joint"][0].shape) / 2
    a_draw = models.products(model, [model.prior]) - encoders + mixture
    return 2.0 * samples * float(a_draw)
