"""A prior of one's own, defined in the script that uses it.

A prior is a Keras layer with three things to say: whether its density is exact, the log-density,
and a draw. Here it is a Laplace density with a learned scale a dimension, which likes latents that
are mostly near zero. It is checked, composed by its class into a model, trained, and compared with
the standard normal on the same data.

    KERAS_BACKEND=jax python examples/own_prior.py
    KERAS_BACKEND=jax python examples/own_prior.py --smoke     # seconds; the numbers mean nothing

To make it a plugin that anybody can use by name, put the class into a package of its own whose
`pyproject.toml` says

    [project.entry-points."hiervae.priors"]
    laplace = "my_package.laplace:Laplace"

and pip-install it; `docs/plugins.md` has the whole of it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import keras
from keras import ops

import hiervae
from hiervae import random, testing
from hiervae.priors import Prior


@keras.saving.register_keras_serializable(package="own_prior")
class Laplace(Prior):
    """p(z) = prod_d Laplace(z_d | 0, b_d) with learned scales b."""

    def build(self, input_shape: Any) -> None:
        """Create one log-scale a latent dimension."""
        self.log_scale = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="b")

    @property
    def is_exact(self) -> bool:
        """True: this is the density itself."""
        return True

    def log_prob(
        self, latent: Any, components: Any = None, seed: Any = None, training: bool = False
    ) -> Any:
        """Log-density in nats, shape (n,)."""
        log_scale = ops.convert_to_tensor(self.log_scale)
        distance = ops.abs(latent) * ops.exp(-log_scale)
        return -ops.sum(distance + log_scale + ops.log(2.0), axis=-1)

    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        """Draws by inversion of the distribution function, shape (num_samples, dim)."""
        uniform = random.uniform((num_samples, self.context.prior_dim), seed) - 0.5
        size = -ops.log(ops.maximum(1.0 - 2.0 * ops.abs(uniform), 1e-7))
        return ops.exp(ops.convert_to_tensor(self.log_scale)) * ops.sign(uniform) * size


def main() -> None:
    """Check the prior, train with it and with the standard normal, save and load."""
    parser = argparse.ArgumentParser(description="Train a VAE with a prior of one's own.")
    parser.add_argument("--smoke", action="store_true", help="finish within seconds")
    smoke = parser.parse_args().smoke

    testing.check_prior(Laplace)
    size, epochs = (300, 1) if smoke else (5000, 20)
    data = hiervae.datasets.load("pendulum", num_images=size, valid_size=0, test_size=size // 5)
    for prior in ("standard_normal", Laplace):
        model = hiervae.HierarchicalVAE(
            latent_dims=4,
            prior=prior,
            likelihood={"name": "gaussian", "variance": 0.05},
            network={"name": "mlp", "hidden_units": (64,)},
            seed=0,
        )
        model.compile(optimizer=keras.optimizers.Adam(1e-3))
        model.fit(data.train, batch_size=50, epochs=epochs, verbose=0)
        elbo = model.elbo(data.test, num_samples=10, seed=0).mean()
        name = prior if isinstance(prior, str) else prior.__name__
        print(f"{name:>16}: test ELBO {elbo:.2f} nats")

    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        loaded = keras.models.load_model(Path(folder) / "model.keras")
    print(f"saved and loaded: test ELBO {loaded.elbo(data.test, 10, seed=0).mean():.2f} nats")


if __name__ == "__main__":
    main()
