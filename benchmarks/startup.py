"""From the start of a process to the first step of each preset, nothing compiled before."""

from __future__ import annotations

import os

import numpy as np

from benchmarks.worker import Job

_SHAPES = dict.fromkeys(("vamp_conv_hvae", "vamp_pixel_hvae", "vlae"), (28, 28))


def prepare(name: str, subject: str, size: int, seed: int, smoke: bool) -> Job:
    """Prepare steps of a preset; the first round compiles."""
    os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
    import hiervae

    shape = _SHAPES.get(name, (784,))
    preset = hiervae.presets.get(name)
    model = preset.build_model(shape, seed=seed)
    callbacks = []
    if preset.scheduler is not None:
        callbacks.append(hiervae.callbacks.BetaController(preset.scheduler))
    batch = preset.training["batch_size"]
    x = np.random.default_rng(seed).random((size * batch, *shape)) < 0.13
    x = x.astype("float32")
    return Job(lambda: model.fit(x, batch_size=batch, callbacks=callbacks, verbose=0), size)
