"""Parts of users that break their contract: refused by name, not summed into a wrong number."""

import keras
import numpy as np
import pytest
from keras import ops

from hiervae import HierarchicalVAE
from hiervae.callbacks import BetaController
from hiervae.errors import IncompatiblePluginError
from hiervae.inference.bottom_up import BottomUp
from hiervae.likelihoods.bernoulli import Bernoulli
from hiervae.networks.mlp import MLP
from hiervae.priors.standard_normal import StandardNormal
from hiervae.schedulers import Scheduler
from tests.support.models import binary_data

X = binary_data(12)


class WidePrior(StandardNormal):
    """N(0, 25 I), with the `distribution` of its base left as it is."""

    def log_prob(self, latent, components=None, seed=None, training=False):
        return ops.sum(-0.5 * (latent / 5.0) ** 2 - np.log(5.0) - 0.5 * np.log(2 * np.pi), axis=-1)


class ScalarPrior(WidePrior):
    def log_prob(self, latent, components=None, seed=None, training=False):
        return ops.sum(super().log_prob(latent))


class WholePrior(WidePrior):
    def log_prob(self, latent, components=None, seed=None, training=False):
        return ops.stack([super().log_prob(latent)] * 2, axis=-1)


class NoPrior(WidePrior):
    def log_prob(self, latent, components=None, seed=None, training=False):
        return None


class ScalarInTraining(WidePrior):
    def log_prob_in_training(self, latent, inputs, encode, components=None, seed=None):
        return ops.sum(self.log_prob(latent))


class LessInTraining(WidePrior):
    def log_prob_in_training(self, latent, inputs, encode, components=None, seed=None):
        return self.log_prob(latent) - 100.0


class Replaced(LessInTraining):
    def log_prob(self, latent, components=None, seed=None, training=False):
        return super().log_prob(latent)


class ScalarLikelihood(Bernoulli):
    def log_prob(self, value, parameters):
        return ops.sum(super().log_prob(value, parameters))


class KeptDimension(Bernoulli):
    def log_prob(self, value, parameters):
        return super().log_prob(value, parameters)[:, None]


class ScalarError(Bernoulli):
    def reconstruction_error(self, value, parameters):
        return ops.sum(super().reconstruction_error(value, parameters))


class SquaredError(Bernoulli):
    """Bounds the squared error, with the `log_prob_and_error` of its base left as it is."""

    def reconstruction_error(self, value, parameters):
        return ops.sum((value - self.mean(parameters)) ** 2, axis=-1)


class TuplePass(BottomUp):
    def infer(self, *args, **kwargs):
        outcome = super().infer(*args, **kwargs)
        return outcome.levels, outcome.features


class LevelLost(BottomUp):
    def infer(self, *args, **kwargs):
        outcome = super().infer(*args, **kwargs)
        return type(outcome)(outcome.levels[:1], outcome.features)


class PriorLost(BottomUp):
    def infer(self, *args, **kwargs):
        outcome = super().infer(*args, **kwargs)
        first = outcome.levels[0]
        bare = type(first)(first.latent, first.posterior)
        return type(outcome)((bare, *outcome.levels[1:]), outcome.features)


class Tree(BottomUp):
    structure = "tree"


class Unshaped(BottomUp):
    def build(self, input_shape):
        super().build(input_shape)
        self.features_shape = None


class ShapedByNumber(BottomUp):
    def build(self, input_shape):
        super().build(input_shape)
        self.features_shape = self.features_shape[0]


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        (Tree, "Tree has structure = 'tree'; expected 'stacked'"),
        (Unshaped, "Unshaped has features_shape = None after build"),
        (ShapedByNumber, "ShapedByNumber has features_shape = 8 after build"),
    ],
)
def test_a_scheme_says_what_it_is(scheme, message):
    with pytest.raises(IncompatiblePluginError, match=message):
        model_of(inference=scheme)


def model_of(latent_dims=2, **parts):
    model = HierarchicalVAE(
        latent_dims=latent_dims, network={"name": "mlp", "hidden_units": (8,)}, seed=0, **parts
    )
    model.compile(keras.optimizers.SGD(0.01))
    model.build((None, *X.shape[1:]))
    return model


REFUSED = [
    ({"prior": ScalarPrior}, r"ScalarPrior.log_prob returned the shape \(\); expected .*\(4,\)"),
    ({"prior": WholePrior}, r"WholePrior.log_prob.*returned the shape \(4, 2\)"),
    ({"prior": NoPrior}, "NoPrior.log_prob.*returned None of type NoneType"),
    ({"prior": ScalarInTraining}, r"ScalarInTraining.log_prob_in_training returned the shape \(\)"),
    ({"likelihood": ScalarLikelihood}, r"ScalarLikelihood.log_prob returned the shape \(\)"),
    ({"likelihood": KeptDimension}, r"KeptDimension.log_prob returned the shape \(4, 1\)"),
    ({"likelihood": ScalarError}, r"ScalarError.reconstruction_error returned the shape \(\)"),
    ({"inference": TuplePass}, "TuplePass.infer returned tuple"),
    ({"inference": LevelLost, "latent_dims": (3, 2)}, r"LevelLost.infer returned .*expected 2"),
    ({"inference": PriorLost, "latent_dims": (3, 2)}, "level 1 without a conditional_prior"),
]


@pytest.mark.parametrize(("parts", "message"), REFUSED, ids=[str(case[1])[:18] for case in REFUSED])
def test_training_refuses_what_is_not_one_number_a_row(parts, message):
    with pytest.raises(IncompatiblePluginError, match=message):
        model_of(**parts).fit(X, batch_size=4, verbose=0)


@pytest.mark.parametrize("part", [{"prior": ScalarPrior}, {"likelihood": ScalarLikelihood}])
def test_scoring_refuses_it_too(part):
    with pytest.raises(IncompatiblePluginError, match=r"log_prob returned the shape \(\)"):
        model_of(**part).log_likelihood(X[:3], num_samples=4)


def test_a_log_prob_that_a_subclass_replaced_is_the_density_of_the_prior():
    model = model_of(prior=WidePrior)
    outcome = model.inference.infer(ops.convert_to_tensor(X), sample=False)
    mean, log_variance = (
        ops.convert_to_numpy(outcome.levels[0].posterior.mean),
        ops.convert_to_numpy(outcome.levels[0].posterior.log_variance),
    )
    variance = np.exp(log_variance)
    expected = np.sum(np.log(25.0) - log_variance + (variance + mean**2) / 25.0 - 1.0, axis=-1) / 2
    model.set_objective(num_samples=4000)
    model.compile(keras.optimizers.SGD(0.0))
    kl = model.evaluate(X, batch_size=12, verbose=0, return_dict=True)["kl"]
    assert kl == pytest.approx(expected.mean(), abs=0.03)


def test_training_asks_a_subclass_for_the_log_prob_that_it_replaced():
    def kl(prior):
        return model_of(prior=prior).train_on_batch(X, return_dict=True)["kl"]

    assert kl(LessInTraining) == pytest.approx(kl(WidePrior) + 100.0)
    assert kl(Replaced) == pytest.approx(kl(WidePrior))


def test_an_error_that_a_subclass_replaced_is_what_is_bounded():
    model = model_of(likelihood=SquaredError)
    for weight in model.likelihood.trainable_variables:
        weight.assign(np.zeros(weight.shape))
    logs = model.evaluate(X, batch_size=12, verbose=0, return_dict=True)
    assert logs["constraint"] == pytest.approx(X[0].size * 0.5**2), "squared errors of 1/2"
    assert logs["reconstruction"] == pytest.approx(X[0].size * np.log(2.0))


class Rule(Scheduler):
    """A rule whose slips are chosen."""

    slip = ""

    def initial_state(self):
        states = {
            "number": 1.0,
            "none": {"beta": None},
            "infinite": {"beta": float("inf")},
            "gate": {"beta": 1.0, "gate_prior": 1.0},
        }
        return states.get(self.slip, {"beta": 1.0, "count": 0.0})

    def update(self, state, signals):
        updates = {
            "misspelt": {"bta": state["beta"], "count": state["beta"]},
            "left out": {"beta": state["beta"]},
            "scalar": state["beta"],
            "shape": {**state, "beta": ops.reshape(state["beta"], (1,))},
        }
        return updates.get(self.slip, state)

    def on_epoch_end(self, state, logs):
        return None if self.slip == "epoch" else state

    def get_config(self):
        return {}


@pytest.mark.parametrize(
    ("slip", "message"),
    [
        ("number", r"initial_state\(\) returned 1.0; expected a dict"),
        ("none", r"initial_state\(\)\['beta'\]=None: expected a finite number"),
        ("infinite", r"initial_state\(\)\['beta'\]=inf: expected a finite number"),
        ("gate", r"gates = \(\) and the state's gates \['gate_prior'\]"),
        (
            "misspelt",
            r"update returned the keys \['bta', 'count'\].*\['beta', 'count'\]",
        ),
        ("left out", r"update returned the keys \['beta'\]"),
        ("scalar", r"update returned \w*Tensor|update returned \w+; expected a dict"),
        ("shape", r"update returned 'beta' of shape \(1,\); expected a scalar"),
        ("epoch", "on_epoch_end returned the keys None"),
    ],
)
def test_slips_of_a_rule_are_named(slip, message):
    rule = type("Rule", (Rule,), {"slip": slip})()
    with pytest.raises((IncompatiblePluginError, ValueError), match=message):
        model_of().fit(X, batch_size=4, verbose=0, callbacks=[BetaController(rule)])


def test_gates_of_no_role_are_refused():
    rule = type("Rule", (Rule,), {"gates": ("decoder",)})()
    with pytest.raises(IncompatiblePluginError, match=r"gates = \('decoder',\).*expected some of"):
        model_of().fit(X, batch_size=4, verbose=0, callbacks=[BetaController(rule)])


class Forgetful(WidePrior):
    def __init__(self, scale=1.0, **options):
        super().__init__(**options)
        self.scale = scale

    def get_config(self):
        return super().get_config()


@keras.saving.register_keras_serializable("tests")
class Automatic(WidePrior):
    def __init__(self, scale=1.0, shift=0.0, **options):
        super().__init__(**options)
        self.scale = scale


def test_what_keras_keeps_by_itself_is_complete(tmp_path):
    model_of(prior=Automatic(scale=5.0)).save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").prior.scale == 5.0


def test_a_part_that_would_load_as_another_is_not_saved(tmp_path):
    model = model_of(prior=Forgetful(scale=5.0))
    assert np.isfinite(model.log_likelihood(X[:3], num_samples=4)).all(), "it trains and scores"
    with pytest.raises(IncompatiblePluginError, match="'Forgetful' cannot be saved.*'scale'"):
        model.save(tmp_path / "model.keras")


class UnbuiltLayer(WidePrior):
    def build(self, input_shape):
        self.net = keras.layers.Dense(3)
        super().build(input_shape)

    def log_prob(self, latent, components=None, seed=None, training=False):
        return super().log_prob(latent) + ops.sum(self.net(latent), axis=-1)


class UnbuiltBelow(WidePrior):
    def build(self, input_shape):
        self.net = Twice()
        self.net.build(input_shape)
        super().build(input_shape)


class Twice(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(3, name="inner")

    def build(self, input_shape):
        self.built = True


@pytest.mark.parametrize(("prior", "name"), [(UnbuiltLayer, "dense"), (UnbuiltBelow, "inner")])
def test_layers_that_build_left_without_weights_are_named(prior, name):
    message = rf"{prior.__name__}.build\(\) left the layers '{name}\w*' without weights"
    with pytest.raises(ValueError, match=message):
        model_of(prior=prior)


@pytest.mark.parametrize("block", [None, keras.layers.Dense, lambda x: x])
def test_blocks_that_are_no_layers_are_refused(block):
    class Odd(MLP):
        def decoder_block(self, level, input_shapes):
            return block

        def data_block(self, input_shapes, event_shape):
            return block

    with pytest.raises(ValueError, match="expected a Keras layer, not a function or a class"):
        HierarchicalVAE(latent_dims=2, network=Odd((8,)), seed=0).build((None, 12))
