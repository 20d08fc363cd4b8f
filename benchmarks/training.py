"""Training steps, through `model.fit` and by hand."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from benchmarks import models
from benchmarks.handwritten.training_weights import WHOLE
from benchmarks.rows import OWN
from benchmarks.worker import Job

EPOCHS = 4
"""Of a round. What `fit` does once, before the first epoch, is spread over so many."""

_LOOPS = {"vhp": {"held": "prior"}, "conv": {"whole": WHOLE}, "pixelcnn": {"whole": WHOLE}}
"""What the loops by hand do beside Adam."""


def prepare(name: str, subject: str, size: int, seed: int, smoke: bool) -> Job:
    """Prepare rounds of some epochs of `size` training steps."""
    epochs = 1 if size == 1 or smoke else EPOCHS
    batch = models.BATCH_SIZES.get(name, 100)
    model = models.build(name, seed, size, smoke)
    x = models.examples(name, size * batch, seed)
    flop = _flop(name, model, batch)
    if subject == OWN:
        callbacks = models.callbacks(name)

        def run() -> None:
            model.fit(x, batch_size=batch, epochs=epochs, callbacks=callbacks, verbose=0)

        return Job(run, epochs * size, flop)
    if subject == "jax":
        from benchmarks.handwritten import convolutions_jax, hierarchies_jax, train_jax

        loops, losses = train_jax, (train_jax, hierarchies_jax, convolutions_jax)
        fused = next(each for each in (20, 10, 5, 2, 1) if size % each == 0)
        options: dict[str, Any] = {"steps_per_call": fused}
    else:
        from benchmarks.handwritten import convolutions_torch, hierarchies_torch, train_torch

        loops, losses = train_torch, (train_torch, hierarchies_torch, convolutions_torch)
        options = {}
    loss = next(each for each in (getattr(m, f"{name}_loss", None) for m in losses) if each)
    weights, extra = carried_of(name, model)
    options |= _LOOPS.get(name, {})
    loop = loops.Loop(loss, weights, x, batch, extra=extra, seed=seed, **options)

    def run_by_hand() -> None:
        for _ in range(epochs):
            loop.epoch()

    return Job(run_by_hand, epochs * size, flop)


def carried_of(name: str, model: Any) -> tuple[Any, Any]:
    """A model's weights as the loss by hand takes them, and what else it carries."""
    from benchmarks.handwritten import training_weights

    if name in ("standard", "vamp"):
        return weights_of(model), ()
    return getattr(training_weights, name)(model)


def weights_of(model: Any) -> Any:
    """Weights of a one-level model: kernels with biases, and pseudo-inputs."""
    parts = (model.inference, model.likelihood)
    layers = [_copy(each) for part in parts for each in part.trainable_variables]
    pairs = list(zip(layers[::2], layers[1::2], strict=True))
    inputs = model.prior.trainable_variables
    return (pairs, _copy(inputs[0])) if inputs else pairs


def _copy(variable: Any) -> np.ndarray[Any, Any]:
    return np.array(keras.ops.convert_to_numpy(variable))


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
