"""Regularisers and losses that layers add are part of the loss."""

import keras
import numpy as np
import pytest

import hiervae
from hiervae.networks import KerasLayers
from tests.support.models import binary_data, compiled
from tests.support.noise import no_noise

X = binary_data(6)


@keras.saving.register_keras_serializable(package="hiervae_tests")
class Nudge(keras.layers.Layer):
    """Passes its input on and adds its mean square to the loss."""

    def call(self, inputs):
        self.add_loss(keras.ops.mean(keras.ops.square(inputs)))
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape


def model_of(scale, learning_rate):
    encoder = keras.Sequential(
        [
            keras.layers.Dense(
                4,
                "tanh",
                kernel_regularizer=keras.regularizers.L2(0.3 * scale) if scale else None,
                name="regularised",
            ),
            *([Nudge()] if scale else []),
        ]
    )
    decoder = keras.layers.Dense(
        4, "tanh", activity_regularizer=keras.regularizers.L2(0.2 * scale) if scale else None
    )
    model = hiervae.HierarchicalVAE(2, network=KerasLayers(encoder, decoder), seed=0)
    return compiled(model, keras.optimizers.SGD(learning_rate))


def added_losses(model, kernel=None):
    """Their sum by NumPy at noise zero, for another kernel of the encoder where one is given."""
    own, bias = (w.astype("float64") for w in model.inference.encoders[0].layers[0].get_weights())
    kernel = own if kernel is None else kernel
    hidden = np.tanh(X @ kernel + bias)
    head, head_bias = model.inference.posterior_heads[0].get_weights()
    latent = (hidden @ head + head_bias)[:, :2]
    out, out_bias = model.inference.data_block.get_weights()
    features = np.tanh(latent @ out + out_bias)
    activity = 0.2 * np.square(features).sum() / len(X)  # Keras takes its mean over the batch
    return 0.3 * np.square(kernel).sum() + np.mean(np.square(hidden)) + activity


def test_all_are_in_the_loss_of_training_and_evaluation():
    with no_noise():
        model = model_of(1.0, 0.0)
        logs = model.fit(X, batch_size=6, verbose=0, validation_data=(X,)).history
        added = added_losses(model)
        assert added > 0.5
        assert logs["loss"][0] == pytest.approx(-logs["elbo"][0] + added, rel=1e-5)
        assert logs["val_loss"][0] == pytest.approx(-logs["val_elbo"][0] + added, rel=1e-5)
        np.testing.assert_allclose(logs["elbo"][0], model.elbo(X).mean(), rtol=1e-5)


def test_they_are_differentiated():
    """Beside the same model without them, a step is longer by their gradient."""
    start, ends = None, []
    with no_noise():
        for scale in (0.0, 1.0):
            model = model_of(scale, 0.1)
            model.build((None, X.shape[1]))
            start = start or model.get_weights()
            model.set_weights(start)
            if scale:
                kernel = start[0].astype("float64")
                gradient = np.zeros_like(kernel)
                for index in np.ndindex(*kernel.shape):
                    shift = np.zeros_like(kernel)
                    shift[index] = 1e-5
                    rise = added_losses(model, kernel + shift) - added_losses(model, kernel - shift)
                    gradient[index] = rise / 2e-5
            model.fit(X, batch_size=6, verbose=0)
            ends.append(model.get_weights()[0])
    plain, with_losses = ends
    assert plain.shape == gradient.shape
    assert np.abs(gradient).max() > 0.1
    np.testing.assert_allclose(with_losses - plain, -0.1 * gradient, rtol=1e-3, atol=1e-5)
