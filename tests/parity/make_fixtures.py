"""Write the fixtures of this folder; run it once with each backend, with JAX last.

KERAS_BACKEND=jax python -m tests.parity.make_fixtures
"""

from __future__ import annotations

import keras
import numpy as np

from tests.parity import cases


def main() -> None:
    """Save a trained model; on JAX write down the training steps and the models' ELBO too."""
    backend = keras.backend.backend()
    model = cases.model_for_parity(steps_per_execution=1 if backend == "torch" else 2)
    with cases.same_noise_everywhere():
        model.fit(cases.X, batch_size=8, epochs=2, shuffle=False, verbose=0)
    model.save(cases.saved_file(backend))
    np.save(cases.FIXTURES / f"elbo_{backend}.npy", cases.elbo_of(model))
    if backend == "jax":
        arrays = {}
        for scheduler in cases.SCHEDULERS:
            for optimizer in cases.OPTIMIZERS:
                loss, weights = cases.one_step(scheduler, optimizer)
                arrays[f"{scheduler}/{optimizer}/loss"] = np.asarray(loss)
                for index, weight in enumerate(weights):
                    arrays[f"{scheduler}/{optimizer}/{index}"] = weight
        np.savez_compressed(cases.REFERENCE, **arrays)


if __name__ == "__main__":
    main()
