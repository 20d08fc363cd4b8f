from importlib.metadata import entry_points

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE, registry
from hiervae.priors import Prior
from hiervae.testing import check_prior
from keras import ops
from scipy import stats

from hiervae_flows import InverseAutoregressiveFlow, MaskedAutoregressiveFlow, RealNVP
from hiervae_flows.flow import orderings

FLOWS = {"realnvp": RealNVP, "maf": MaskedAutoregressiveFlow, "iaf": InverseAutoregressiveFlow}
SMALL = {"num_layers": 3, "hidden_units": (8,)}


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def built(name, size, scale=1.0, **options):
    """A prior over vectors of `size`, its weights moved away from the identity."""
    prior = {"name": name, **SMALL, **options}
    model = HierarchicalVAE(latent_dims=size, prior=prior, network={"name": "mlp"}, seed=0)
    model.build((None, 6))
    generator = np.random.default_rng(0)
    for weight in model.prior.trainable_variables:
        shape = tuple(weight.shape)
        noise = generator.standard_normal(shape)
        weight.assign(scale * noise / np.sqrt(max(1, np.prod(shape[:-1]))))
    return model.prior


def points(number, size, seed=1):
    return np.random.default_rng(seed).standard_normal((number, size)).astype("float32")


def jacobian(function, point):
    """d function(x)_i / d x_j at a point (1, d) by the backend's automatic differentiation."""
    name = keras.backend.backend()
    backend = pytest.importorskip(name)
    size = point.shape[-1]
    if name == "jax":
        outcome = backend.jacfwd(function)(backend.numpy.asarray(point))
    elif name == "torch":
        given = ops.convert_to_tensor(point)
        outcome = backend.autograd.functional.jacobian(function, given)
    else:
        given = backend.constant(point)
        with backend.GradientTape() as tape:
            tape.watch(given)
            values = function(given)
        outcome = tape.jacobian(values, given)
    return numpy(outcome).reshape(size, size).astype("float64")


@pytest.mark.parametrize("name", FLOWS)
def test_it_keeps_the_contract_of_a_prior(name):
    check_prior(name, num_layers=2, hidden_units=(8,))


def test_it_keeps_the_contract_with_options():
    check_prior("maf", num_layers=2, hidden_units=8, ordering="random", log_scale_bound=1.0)


@pytest.mark.parametrize("size", [2, 3, 6])
@pytest.mark.parametrize("name", FLOWS)
def test_both_directions_undo_each_other(name, size):
    prior, latent = built(name, size, ordering="random"), points(20, size)
    noise, log_det = prior.flow.to_noise(ops.convert_to_tensor(latent))
    again, opposite = prior.flow.to_latent(noise)
    assert np.abs(numpy(noise) - latent).mean() > 0.3
    np.testing.assert_allclose(numpy(again), latent, atol=2e-3)
    np.testing.assert_allclose(numpy(opposite), -numpy(log_det), atol=2e-3)


@pytest.mark.parametrize("name", FLOWS)
def test_log_determinants_against_automatic_differentiation(name):
    prior = built(name, 5)
    for direction in (prior.flow.to_noise, prior.flow.to_latent):
        for point in points(2, 5)[:, None]:
            matrix = jacobian(lambda values, direction=direction: direction(values)[0], point)
            _, expected = np.linalg.slogdet(matrix)
            log_det = numpy(direction(ops.convert_to_tensor(point))[1])
            np.testing.assert_allclose(log_det, [expected], atol=1e-3)


@pytest.mark.parametrize("direction", ["to_noise", "to_latent"])
@pytest.mark.parametrize("name", ["maf", "iaf"])
def test_a_dimension_depends_on_those_before_it_alone(name, direction):
    prior = built(name, 5, ordering="same", hidden_units=(8, 8))
    function = getattr(prior.flow, direction)
    matrix = jacobian(lambda values: function(values)[0], points(1, 5))
    np.testing.assert_array_equal(np.triu(matrix, 1), 0.0)
    below = np.abs(matrix[np.tril_indices(5, -1)])
    assert (below > 1e-6).all()


def test_every_dimension_is_moved():
    for ordering in ("reversal", "random"):
        prior = built("realnvp", 3, ordering=ordering)
        matrix = jacobian(lambda values, flow=prior.flow: flow.to_noise(values)[0], points(1, 3))
        moved = np.abs(matrix - np.eye(3)).max(axis=1)
        assert (moved > 1e-3).all()


def test_one_step_is_a_product_of_conditional_normals():
    prior, latent = built("maf", 3, num_layers=1), points(40, 3)
    means, log_scales = map(numpy, prior.flow.steps[0].affine(ops.convert_to_tensor(latent)))
    np.testing.assert_allclose(means[:, 0], means[0, 0], atol=1e-6)
    expected = stats.norm.logpdf(latent, means, np.exp(log_scales)).sum(axis=1)
    np.testing.assert_allclose(numpy(prior.log_prob(latent)), expected, atol=1e-4)


@pytest.mark.parametrize("name", FLOWS)
def test_density_and_draws_by_quadrature(name):
    prior = built(name, 2, scale=0.6)
    axis = np.linspace(-25.0, 25.0, 701)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(numpy(prior.log_prob(ops.convert_to_tensor(grid.astype("float32")))))
    cells = density.astype("float64") * (axis[1] - axis[0]) ** 2
    assert cells.sum() == pytest.approx(1.0, abs=0.01)
    draws = numpy(prior.sample(40_000, seed=keras.random.SeedGenerator(0)))
    for function in (lambda z: np.tanh(z), lambda z: np.tanh(z[:, :1] * z), lambda z: z > 1.0):
        expected = (cells[:, None] * function(grid)).sum(axis=0)
        np.testing.assert_allclose(function(draws).mean(axis=0), expected, atol=0.015)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow Probability")
class TestAgainstTensorFlowProbability:
    """The same shift and log-scale functions in its bijectors."""

    @staticmethod
    def density(bijector, latent):
        tfd = pytest.importorskip("tensorflow_probability").distributions
        base = tfd.MultivariateNormalDiag(np.zeros(4, "float32"))
        return numpy(tfd.TransformedDistribution(base, bijector).log_prob(latent))

    def test_masked_autoregressive_flow(self):
        tfb = pytest.importorskip("tensorflow_probability").bijectors
        prior, latent = built("maf", 4), points(9, 4)
        flip = tfb.Permute(np.array([3, 2, 1, 0], "int32"))
        parts = []
        for step in reversed(prior.flow.steps):
            bijector = tfb.MaskedAutoregressiveFlow(shift_and_log_scale_fn=step.affine)
            parts += [bijector, flip]
        chain = tfb.Chain(list(reversed(parts[:-1])))
        np.testing.assert_allclose(
            numpy(prior.log_prob(latent)), self.density(chain, latent), rtol=1e-4, atol=1e-3
        )

    def test_real_nvp(self):
        tfb = pytest.importorskip("tensorflow_probability").bijectors
        prior, latent = built("realnvp", 4), points(9, 4)
        flip = tfb.Permute(np.array([3, 2, 1, 0], "int32"))
        parts = []
        for step in reversed(prior.flow.steps):

            def affine(values, output_units, step=step, **kwargs):
                return step.affine(values)

            parts += [tfb.RealNVP(num_masked=2, shift_and_log_scale_fn=affine), flip]
        chain = tfb.Chain(list(reversed(parts[:-1])))
        np.testing.assert_allclose(
            numpy(prior.log_prob(latent)), self.density(chain, latent), rtol=1e-4, atol=1e-3
        )


def test_a_flow_learns_a_curved_density():
    generator = np.random.default_rng(0)
    first = generator.standard_normal((2000, 1))
    curved = np.concatenate([first, first**2 + 0.3 * generator.standard_normal(first.shape)], 1)
    exact = stats.norm.logpdf(first) + stats.norm.logpdf(curved[:, 1:], first**2, 0.3)

    model = HierarchicalVAE(latent_dims=2, prior={"name": "maf", **SMALL}, seed=0)
    model.build((None, 4))
    inputs = keras.Input((2,))
    scores = FlowDensity(model.prior)(inputs)
    trained = keras.Model(inputs, scores)
    trained.compile(keras.optimizers.Adam(1e-2), loss=lambda _, score: -score)
    trained.fit(curved, np.zeros(2000), epochs=25, batch_size=200, verbose=0)
    learned = numpy(model.prior.log_prob(curved.astype("float32"))).mean()
    assert learned > exact.mean() - 0.15


class FlowDensity(keras.layers.Layer):
    def __init__(self, prior):
        super().__init__()
        self.prior = prior
        self.built = True

    def call(self, inputs):
        return self.prior.log_prob(inputs)[:, None]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1)


def test_it_trains_where_the_rounds_are_a_loop():
    model = HierarchicalVAE(latent_dims=6, prior={"name": "iaf", **SMALL}, seed=0)
    model.compile(keras.optimizers.Adam(1e-2))
    x = (np.random.default_rng(0).random((40, 6)) < 0.5).astype("float32")
    history = model.fit(x, batch_size=20, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert any(np.abs(numpy(bias)).max() > 0.0 for bias in model.prior.flow.steps[0].network.biases)


def test_a_random_order_is_the_same_in_every_process():
    orders = orderings("random", 5, 3)
    assert [order.tolist() for order in orders] == [
        [0, 1, 2, 3, 4],
        np.random.default_rng(1).permutation(5).tolist(),
        np.random.default_rng(2).permutation(5).tolist(),
    ]
    assert orders[1].tolist() != orders[2].tolist()


@pytest.mark.parametrize("name", FLOWS)
def test_one_dimension_is_refused(name):
    model = HierarchicalVAE(latent_dims=1, prior=name)
    with pytest.raises(ValueError, match="a latent of 1 dimension"):
        model.build((None, 6))


@pytest.mark.parametrize(
    "options",
    [{"num_layers": 0}, {"hidden_units": ()}, {"ordering": "up"}, {"log_scale_bound": -1.0}],
)
def test_options_that_are_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        registry.create("hiervae.priors", {"name": "maf", **options}, Prior)


@pytest.mark.parametrize(("name", "flow"), FLOWS.items())
def test_it_is_found_by_its_entry_point(name, flow):
    (point,) = entry_points(group="hiervae.priors", name=name)
    assert point.load() is flow
    assert point.dist.name == "hiervae-flows"
