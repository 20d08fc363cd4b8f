"""Pseudo-inputs beside the batch, in all schemes of the package."""

import keras
import numpy as np
import pytest

import hiervae
from hiervae.networks import KerasLayers
from hiervae.networks.normalization import BatchNormalization
from tests.support import noise
from tests.support.dense_parts import built_scheme
from tests.support.fixed_prior import FixedPrior
from tests.support.models import numpy_of, tensor

RNG = np.random.default_rng(0)
EVENT = 6
X = RNG.normal(size=(8, EVENT)).astype("float32")
FAR = (30.0 + 5.0 * RNG.normal(size=(7, EVENT))).tolist()
SCHEMES = {"bottom_up": (4, 3, 2), "ladder": (4, 3, 2), "top_down": (4, 3, 2), "vlae": (4, 3, 2)}
EXACT = ["ladder", "top_down", "vlae"]


def normalising_network(levels, decoders):
    """Blocks with batch normalisation, for any number of inputs."""

    def block():
        return Joined(keras.layers.Dense(5, "tanh"), BatchNormalization(momentum=0.5))

    return KerasLayers(
        encoder=[block() for _ in range(levels)], decoder=[block() for _ in range(decoders)]
    )


@keras.saving.register_keras_serializable(package="tests")
class Joined(keras.layers.Layer):
    """A dense layer and a normalisation over all inputs, concatenated."""

    def __init__(self, dense, normalization, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.normalization = dense, normalization

    def build(self, input_shape):
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        self.dense.build((None, sum(shape[-1] for shape in shapes)))
        self.normalization.build((None, 5))

    def call(self, inputs, training=False):
        if isinstance(inputs, (list, tuple)):
            inputs = keras.ops.concatenate(inputs, axis=-1)
        return self.normalization(self.dense(inputs), training=training)

    def compute_output_shape(self, input_shape):
        return (None, 5)


def fitted(name, inputs):
    """Two steps of fit that leave all trained weights where they are."""
    keras.utils.set_random_seed(0)  # the layers of the network are made outside the model
    dims = (3, 2)
    decoders = len(dims) + (name == "vlae")
    model = hiervae.HierarchicalVAE(
        dims,
        inference={"name": name, "head_batch_norm": True},
        prior=FixedPrior(inputs=inputs),
        likelihood="gaussian",
        network=normalising_network(len(dims), decoders),
        num_samples=2,
        seed=0,
    )
    model.build((None, EVENT))
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    with noise.same_noise_everywhere():
        model.fit(X, batch_size=4, epochs=1, shuffle=False, verbose=0)
    return [
        (weight.name, numpy_of(weight))
        for weight in model.non_trainable_variables
        if "moving" in weight.name
    ]


@pytest.mark.compiles(1)
@pytest.mark.parametrize("name", SCHEMES)
def test_batch_statistics_are_those_of_the_data(name):
    """Of every layer: blocks of all levels, heads, conditional priors and decoder."""
    alone, beside = fitted(name, None), fitted(name, FAR)
    assert len(alone) >= 2 * 7
    for (what, expected), (_, found) in zip(alone, beside, strict=True):
        assert np.any(expected != float(what == "moving_variance"))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", EXACT)
def test_components_are_the_posteriors_of_the_pseudo_inputs(name):
    """Encoded one by one, by themselves and beside a batch: no draw enters."""
    scheme = built_scheme(name, (EVENT,), SCHEMES[name])
    assert not scheme.components_are_drawn(3)
    inputs = RNG.normal(size=(7, EVENT))
    source = keras.random.SeedGenerator(0)
    beside = scheme.infer(tensor(X), tensor(inputs), num_samples=2, seed=source).components
    alone = scheme.encode_components(tensor(inputs), seed=source)
    for index, row in enumerate(inputs):
        levels = scheme.infer(tensor(row[None]), seed=source).levels
        governed = scheme.governed(levels)
        for what in ("mean", "log_variance"):
            parts = [numpy_of(getattr(level.posterior, what)) for level in governed]
            for found in (beside, alone):
                np.testing.assert_allclose(
                    numpy_of(getattr(found, what))[index],
                    np.concatenate(parts, axis=-1)[0],
                    rtol=1e-4,
                    atol=1e-5,
                )


def test_bottom_up_components_depend_on_draws_of_lower_levels():
    scheme = built_scheme("bottom_up", (EVENT,), (4, 2))
    assert scheme.components_are_drawn(2)
    assert not scheme.components_are_drawn(1)
    source = keras.random.SeedGenerator(0)
    first, second = (numpy_of(scheme.encode_components(tensor(X), source).mean) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("name", SCHEMES)
def test_the_batch_does_not_notice_pseudo_inputs(name):
    scheme = built_scheme(name, (EVENT,), SCHEMES[name])
    with noise.same_noise_everywhere():
        alone = scheme.infer(tensor(X), num_samples=2)
        beside = scheme.infer(tensor(X), tensor(FAR), num_samples=2)
    np.testing.assert_allclose(numpy_of(beside.features), numpy_of(alone.features), atol=1e-5)
    assert alone.components is None
