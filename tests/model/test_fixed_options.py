"""Options of parts that belong to a model: those that take effect, and those that are refused."""

import keras
import numpy as np
import pytest

import hiervae
from hiervae.networks.mlp import MLP
from hiervae.priors.standard_normal import StandardNormal
from tests.support.models import EVENT_SIZE, binary_data, compiled, small_model, vhp

X = binary_data(4)
VAMP = {"name": "vamp", "num_components": 3}
CONV = {"name": "conv", "encoder_layers": ((3, 3, 2),), "hidden_units": (4,)}


def built(**options):
    model = small_model(**options)
    model.build((None, EVENT_SIZE))
    return model


FIXED = [
    ({}, "inference", "log_variance_bounds", (-3.0, -2.0)),
    ({}, "inference", "variance", "sigmoid"),
    ({}, "inference", "head_batch_norm", True),
    ({"inference": "ladder"}, "inference", "share_top_down", False),
    ({"inference": "vlae"}, "inference", "combine", "gated"),
    ({"inference": "vlae"}, "inference", "activation", "tanh"),
    ({"prior": vhp()}, "prior", "log_variance_bounds", (-3.0, -2.0)),
    ({"prior": vhp()}, "prior", "latent_dim", 7),
    ({"prior": VAMP}, "prior", "num_components", 2),
    ({"prior": VAMP}, "prior", "component_weights", "learned"),
    ({"likelihood": "gaussian"}, "likelihood", "variance", "learned"),
    ({"likelihood": {"name": "gaussian", "variance": "learned"}}, "likelihood", "variance", 0.5),
    ({"likelihood": "discretized_logistic"}, "likelihood", "num_levels", 16),
    ({}, "network", "hidden_units", (9,)),
    ({}, "network", "activation", "relu"),
    ({"network": "conv"}, "network", "hidden_units", (9,)),
]


@pytest.mark.parametrize(("options", "role", "name", "value"), FIXED)
def test_an_option_that_cannot_take_effect_is_refused(options, role, name, value):
    part = getattr(small_model(**options), role)
    before = part.get_config()
    with pytest.raises(AttributeError, match=rf"{name} was set to .* Make a new model"):
        setattr(part, name, value)
    assert part.get_config() == before


def test_the_network_of_a_prior_is_fixed_too():
    with pytest.raises(AttributeError, match="hidden_units was set"):
        built(prior=vhp()).prior.network.hidden_units = (9,)


def test_the_same_value_may_be_set_again():
    model = small_model(prior=VAMP)
    model.prior.num_components = 3
    model.network.hidden_units = tuple(model.network.hidden_units)


LIVE = [
    (vhp(), "bernoulli", "prior", "num_importance_samples", 64),
    (vhp(), "bernoulli", "prior", "evaluation_importance_samples", 64),
    ("standard_normal", "gaussian", "likelihood", "variance", 2),
]


@pytest.mark.parametrize(("prior", "likelihood", "role", "name", "value"), LIVE)
def test_a_live_option_takes_effect_and_is_saved(tmp_path, prior, likelihood, role, name, value):
    model = built(prior=prior, likelihood=likelihood)
    before = model.log_likelihood(X, 50, seed=0, verbose=0)
    setattr(getattr(model, role), name, value)
    changed = model.log_likelihood(X, 50, seed=0, verbose=0)
    assert not np.array_equal(before, changed)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.log_likelihood(X, 50, seed=0, verbose=0), changed)


def test_a_whole_number_is_a_variance():
    models = [
        built(likelihood={"name": "gaussian", "variance": variance}) for variance in (1.0, 2.0)
    ]
    models[0].likelihood.variance = 2
    np.testing.assert_array_equal(*(model.elbo(X, seed=0) for model in models))


@pytest.mark.parametrize("value", [0, -1, 2.5, "16"])
@pytest.mark.parametrize("name", ["num_importance_samples", "evaluation_importance_samples"])
def test_a_live_option_is_checked(name, value):
    prior = built(prior=vhp()).prior
    with pytest.raises(ValueError, match=rf"{name}={value!r}: expected a positive integer"):
        setattr(prior, name, value)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_variance_is_checked(value):
    with pytest.raises(ValueError, match="expected a positive number"):
        built(likelihood="gaussian").likelihood.variance = value


class Scaled(StandardNormal):
    """A user's own, whose subclass hands on no keywords."""

    def __init__(self, scale=1.0, power=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.power = power


class Named(Scaled):
    live_options = ("power",)

    def __init__(self):
        super().__init__(scale=2.0)


def test_parts_of_ones_own_are_fixed_but_for_what_they_name():
    prior = small_model(prior=Named).prior
    with pytest.raises(AttributeError, match=r"Named.scale was set to 3.0 in a part"):
        prior.scale = 3.0
    prior.power = 3.0
    prior.trainable = False
    assert (prior.scale, prior.power) == (2.0, 3.0)


@pytest.mark.parametrize("name", ["num_samples", "bound", "kl", "free_bits", "monte_carlo_samples"])
def test_the_objective_is_set_by_its_method(name):
    with pytest.raises(AttributeError, match=rf"expected `model.set_objective\({name}="):
        setattr(small_model(), name, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [("prior", StandardNormal()), ("network", MLP()), ("seed", 3), ("dynamic_binarisation", True)],
)
def test_a_model_keeps_what_it_is_composed_of(name, value):
    model = small_model()
    before = getattr(model, name)
    with pytest.raises(AttributeError, match=f"{name} was set on a model that is composed"):
        setattr(model, name, value)
    assert getattr(model, name) is before


@pytest.mark.parametrize("part", ["network", "prior"])
def test_a_model_that_could_not_be_built_is_not_taken_for_one(part, tmp_path):
    class Failing(StandardNormal):
        def build(self, input_shape):
            raise RuntimeError("no room")

    wrong = {"network": {"network": CONV}, "prior": {"prior": Failing()}}
    model = compiled(small_model(**wrong[part]))
    reason = {"network": "are no images", "prior": "no room"}[part]
    with pytest.raises((ValueError, RuntimeError), match=reason):
        model.fit(X, verbose=0)
    assert not model.built
    for again in (
        lambda: model.fit(X, verbose=0),
        lambda: model.fit(X.reshape(-1, EVENT_SIZE, 1), verbose=0),
        lambda: model.log_likelihood(X, verbose=0),
        lambda: model.save(tmp_path / "model.keras"),
    ):
        with pytest.raises(ValueError, match=rf"could not be built .*{reason}.* Make another"):
            again()
    assert not (tmp_path / "model.keras").exists()


def test_sharing_a_network_between_models_needs_no_change():
    network = MLP(hidden_units=(3,))
    for _ in range(2):
        model = hiervae.HierarchicalVAE(2, network=network, seed=0)
        model.build((None, EVENT_SIZE))
