"""Training steps, through `model.fit` and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import models
from benchmarks.rows import OWN
from benchmarks.worker import Job


def prepare(name: str, subject: str, size: int, seed: int, smoke: bool) -> Job:
    """Prepare rounds of `size` training steps."""
    batch = models.BATCH_SIZES.get(name, 100)
    model = models.build(name, seed, size, smoke)
    x = models.examples(name, size * batch, seed)
    flop = _flop(name, model, batch)
    if subject == OWN:
        callbacks = models.callbacks(name)

        def run() -> None:
            model.fit(x, batch_size=batch, callbacks=callbacks, verbose=0)

        return Job(run, size, flop)
    if subject == "jax":
        from benchmarks.handwritten import train_jax as by_hand

        fused = next(each for each in (20, 10, 5, 2, 1) if size % each == 0)
        options = {"steps_per_call": fused}
    else:
        from benchmarks.handwritten import train_torch as by_hand

        options = {}
    loss = getattr(by_hand, f"{name}_loss")
    loop = by_hand.Loop(loss, weights_of(model, subject), x, batch, seed=seed, **options)
    return Job(loop.epoch, size, flop)


def weights_of(model: Any, backend: str) -> Any:
    """A model's weights as the loops by hand take them: kernels with biases, and pseudo-inputs."""
    parts = (model.inference, model.likelihood)
    layers = [_copy(each, backend) for part in parts for each in part.trainable_variables]
    pairs = list(zip(layers[::2], layers[1::2], strict=True))
    inputs = model.prior.trainable_variables
    return (pairs, _copy(inputs[0], backend)) if inputs else pairs


def _copy(variable: Any, backend: str) -> Any:
    if backend == "jax":
        import jax

        return jax.numpy.array(variable.value)
    return variable.value.detach().clone()


def _flop(name: str, model: Any, batch: int) -> float | None:
    """Operations of the matrix products of a step, of models of dense layers alone."""
    if name not in {"standard", "vamp", "hvae_vamp", "ladder"}:
        return None
    return flop_of(model, batch, models.COMPONENTS if "vamp" in name else 0)


def flop_of(model: Any, batch: int, components: int = 0) -> float:
    """Operations of the matrix products of a step; the backward pass takes twice the forward's.

    Args:
        model: of dense layers.
        batch: examples a step.
        components: of a VampPrior, 0 for a standard normal one.
    """
    scheme = model.inference
    rows = 3.0 * batch * models.products(model, [model.prior])
    # The gradient of x itself is not needed.
    kernels = [each for block in scheme.encoders for each in block.trainable_variables]
    x_size = int(np.prod(model.event_shape))
    rows -= batch * sum(float(np.prod(each.shape)) for each in kernels if each.shape[0] == x_size)
    if components:
        top = models.products(scheme.encoders[-1]) + models.products(scheme.posterior_heads[-1])
        rows += 3.0 * (components * top + batch * components * 2 * models.LATENTS)
    return 2.0 * rows
