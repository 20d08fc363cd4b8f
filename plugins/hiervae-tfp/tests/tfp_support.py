"""What several tests use."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
import tf_keras
from hiervae import HierarchicalVAE
from keras import ops

tfd, tfb = tfp.distributions, tfp.bijectors
NETWORK = {"name": "mlp", "hidden_units": (8,)}


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def small_model(size=2, **options):
    model = HierarchicalVAE(latent_dims=size, network=NETWORK, seed=0, **options)
    model.build((None, 4))
    return model


def with_prior(distribution, size=2, **options):
    return small_model(size, prior={"name": "tfp", "distribution": distribution, **options})


def moved(part, scale=0.5):
    """The part, its weights away from where they start."""
    generator = np.random.default_rng(0)
    for weight in part.trainable_variables:
        weight.assign(numpy(weight) + scale * generator.standard_normal(weight.shape))
    return part


def weights(part):
    return {weight.name: numpy(weight).astype("float64") for weight in part.weights}


def points(number, size):
    return np.random.default_rng(1).standard_normal((number, size)).astype("float32")


def examples(number=40):
    return (np.random.default_rng(2).random((number, 4)) < 0.5).astype("float32")


def seed():
    return keras.random.SeedGenerator(0)


@keras.saving.register_keras_serializable(package="hiervae_tfp_tests")
def flow_of_tf_keras(size, units=8):
    """Variables of tf_keras, of TensorFlow Probability and of TensorFlow."""
    network = tfb.AutoregressiveNetwork(params=2, hidden_units=[units], activation="tanh")
    scale = tfp.util.TransformedVariable(tf.fill([size], 2.0), tfb.Softplus(), name="scale")
    base = tfd.MultivariateNormalDiag(tf.Variable(tf.zeros([size]), name="loc"), scale)
    return tfd.TransformedDistribution(base, tfb.MaskedAutoregressiveFlow(network))


@keras.saving.register_keras_serializable(package="hiervae_tfp_tests")
def coupling_of_tf_keras(size, units=8):
    """A coupling whose network is one of tf_keras without constraints."""
    layers = [tf_keras.layers.Dense(units, "tanh"), tf_keras.layers.Dense(2 * (size - size // 2))]
    network = tf_keras.Sequential(layers)

    def shift_and_log_scale(values, output_units, **kwargs):
        shift, raw = tf.split(network(values), 2, axis=-1)
        return shift, tf.tanh(raw)

    flow = tfb.RealNVP(num_masked=size // 2, shift_and_log_scale_fn=shift_and_log_scale)
    scale = tfp.util.TransformedVariable(tf.fill([size], 2.0), tfb.Softplus(), name="scale")
    base = tfd.MultivariateNormalDiag(tf.Variable(tf.zeros([size]), name="loc"), scale)
    return tfd.TransformedDistribution(base, flow)


@keras.saving.register_keras_serializable(package="hiervae_tfp_tests")
def no_distribution(size):
    return size


def not_registered(size):
    return flow_of_tf_keras(size)
