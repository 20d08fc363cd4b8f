"""Whether a model is the same on the backend that loads it as on the one that saved it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hiervae.model import HierarchicalVAE
from hiervae.testing.check import Array
from hiervae.testing.error import ConformanceError

BACKENDS = ("jax", "tensorflow", "torch")
NUM_SAMPLES, NUM_LATENTS = 7, 5
RELATIVE, ABSOLUTE = 1e-4, 1e-3
SECONDS = 600

_ELSEWHERE = """
import sys
import keras, numpy
import hiervae
from hiervae.testing.backends import outputs_of
folder = sys.argv[1]
with numpy.load(folder + "/inputs.npz") as inputs:
    model = keras.models.load_model(folder + "/model.keras")
    numpy.savez(folder + "/outputs.npz", **outputs_of(model, inputs["x"], inputs["latent"]))
"""


def other_backends() -> list[str]:
    """Return the backends that are installed, without the one at work."""
    own = keras.backend.backend()
    return [name for name in BACKENDS if name != own and find_spec(name) is not None]


def check_on_another_backend(model: HierarchicalVAE, x: Any, backend: str) -> None:
    """Check that a model that is saved here is the same model where another backend loads it.

    It is loaded in a process of that backend, so its parts must be installed. There it must give
    the reconstructions of `x`, their log-likelihoods under the same noise, and the log-densities of
    latents under a prior that does not estimate them.

    Args:
        model: a built model.
        x: examples, shape (n, *event_shape); a few are enough.
        backend: one of `other_backends()`.

    Raises:
        ConformanceError: of the check "backends".

    Example:
        >>> import hiervae
        >>> from hiervae.testing import check_on_another_backend, other_backends
        >>> model = hiervae.HierarchicalVAE(latent_dims=2, seed=0)
        >>> model.build((None, 4))
        >>> for backend in other_backends()[:1]:  # doctest: +SKIP
        ...     check_on_another_backend(model, np.zeros((3, 4)), backend)
    """
    shape = (NUM_LATENTS, model.prior_dim)
    latent = np.random.default_rng(0).standard_normal(shape).astype("float32")
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        np.savez(Path(folder) / "inputs.npz", x=x, latent=latent)
        done = subprocess.run(
            [sys.executable, "-c", _ELSEWHERE, folder],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if done.returncode:
            error = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
            raise _failure(backend, f"{error!r} on {backend}", "a model that loads and scores")
        with np.load(Path(folder) / "outputs.npz") as found:
            outputs = dict(found)
    for name, expected in outputs_of(model, x, latent).items():
        if not np.allclose(outputs[name], expected, RELATIVE, ABSOLUTE):
            gap = float(np.abs(outputs[name] - expected).max())
            own = keras.backend.backend()
            got = f"{name} on {backend} that differ by up to {gap:g} from those on {own}"
            raise _failure(backend, got, "the same up to rounding")


def outputs_of(model: HierarchicalVAE, x: Any, latent: Array) -> dict[str, Array]:
    """Return what is compared, by name.

    Args:
        model: a built model.
        x: examples, shape (n, *event_shape).
        latent: shape (m, prior_dim).
    """
    outputs = {
        "reconstructions": model.predict(x, verbose=0),
        "log-likelihoods": model.log_likelihood(x, num_samples=NUM_SAMPLES, verbose=0),
    }
    if not model.prior.describe_estimate():
        outputs["log-densities of the prior"] = model.prior_log_prob(latent, seed=0)
    return outputs


def _failure(backend: str, got: str, expected: str) -> ConformanceError:
    fix = (
        "Compute in keras.ops, draw through hiervae.random, and keep what the part learns in its "
        "weights."
    )
    return ConformanceError(f"check_on_another_backend({backend})", "backends", got, expected, fix)
