"""Installing, resuming and detaching a beta rule."""

import keras
import numpy as np
import pytest

from hiervae.callbacks import BetaController
from hiervae.errors import IncompatiblePluginError
from hiervae.model.control import CAPACITY, ControlState
from hiervae.schedulers import Scheduler
from hiervae.schedulers.constant import Constant
from hiervae.schedulers.rewo import REWO
from tests.support.models import binary_data, compiled, small_model

X = binary_data(12)


class Halving(Scheduler):
    """Halves beta in Python after each epoch, from the validation loss it sees in the logs."""

    def __init__(self, beta=1.0, wrong=False):
        self.beta, self.wrong, self.logs = beta, wrong, []

    def initial_state(self):
        return {"beta": self.beta, "count": 0.0}

    def update(self, state, signals):
        return {"beta": state["beta"], "count": state["count"] + 1.0}

    def get_config(self):
        return {"beta": self.beta, "wrong": self.wrong}

    def on_epoch_end(self, state, logs):
        self.logs.append((dict(state), dict(logs)))
        if self.wrong:
            return {"beta": 0.5}
        return {**state, "beta": state["beta"] / 2}


def fit(model, controller=None, epochs=1, **options):
    callbacks = [] if controller is None else [controller]
    history = model.fit(
        X, batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks, **options
    ).history
    return {name: [float(value) for value in values] for name, values in history.items()}


@pytest.fixture
def model():
    return compiled(small_model(), keras.optimizers.SGD(0.01))


def test_beta_is_one_without_a_rule_and_after_one(model):
    assert fit(model)["beta"] == [1.0]
    assert fit(model, BetaController("constant", beta=0.25))["beta"] == [0.25]
    logs = fit(model)
    assert (logs["beta"], logs["phase"]) == ([1.0], [1.0])
    assert logs["loss"][0] == pytest.approx(-logs["elbo"][0], rel=1e-5), "beta 1 in the loss too"
    assert fit(model, BetaController("constant", beta=0.5))["beta"] == [0.5]


def test_evaluation_has_beta_one_whatever_the_rule(model):
    logs = fit(model, BetaController("constant", beta=0.25), validation_data=(X,))
    assert (logs["beta"], logs["val_beta"]) == ([0.25], [1.0])
    assert logs["val_loss"][0] == pytest.approx(-logs["val_elbo"][0], rel=1e-5)
    expected = logs["reconstruction"][0] + 0.25 * logs["kl"][0]
    assert logs["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_a_rule_decides_in_python_at_the_end_of_an_epoch(model):
    rule = Halving()
    logs = fit(model, BetaController(rule), epochs=3, validation_data=(X,))
    assert logs["beta"] == [1.0, 0.5, 0.25]
    assert [state["count"] for state, _ in rule.logs] == [3.0, 6.0, 9.0]
    assert all("val_loss" in logs for _, logs in rule.logs)
    assert model.control_values()["beta"] == 0.125
    assert fit(model, BetaController(Halving()))["beta"] == [0.125], "a later fit goes on"
    assert fit(model, BetaController(Halving(), resume=False))["beta"] == [1.0]
    assert fit(model, BetaController(Halving(beta=0.9)))["beta"] == pytest.approx([0.9])


def test_a_python_decision_of_other_keys_is_refused(model):
    with pytest.raises(ValueError, match=r"Halving.on_epoch_end returned.*expected \['beta'"):
        fit(model, BetaController(Halving(wrong=True)))


class Falling(Scheduler):
    """Lowers beta in every step, or in Python at the end of an epoch."""

    def __init__(self, start=1.0, step=0.0, end=0.0):
        self.start, self.step, self.end = start, step, end

    def initial_state(self):
        return {"beta": self.start}

    def update(self, state, signals):
        return {"beta": state["beta"] - self.step}

    def on_epoch_end(self, state, logs):
        return {"beta": state["beta"] - self.end}

    def get_config(self):
        return {"start": self.start, "step": self.step, "end": self.end}


class FallingFreely(Falling):
    allows_negative_beta = True


WAYS_DOWN = [{"start": -0.5}, {"step": 0.5}, {"end": 1.5}]


@pytest.mark.parametrize("options", WAYS_DOWN)
def test_a_negative_beta_is_refused_unless_the_rule_allows_it(model, options):
    with pytest.raises(ValueError, match="Falling set beta to -0.5; expected at least 0"):
        fit(model, BetaController(Falling(**options)))
    assert fit(model, BetaController(FallingFreely(**options)), epochs=2)["beta"][-1] < 0.0


def test_a_python_decision_that_is_no_number_is_refused(model):
    with pytest.raises(ValueError, match=r"on_epoch_end\(\)\['beta'\]=nan: expected a finite"):
        fit(model, BetaController(Falling(end=float("nan"))))


class Interrupt(keras.callbacks.Callback):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def on_train_batch_end(self, batch, logs=None):
        raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_fit_leaves_no_rule_behind(model, error):
    with pytest.raises(error):
        model.fit(
            X, verbose=0, callbacks=[BetaController("constant", beta=0.2), Interrupt(error())]
        )
    assert model.control.scheduler is None
    assert fit(model)["beta"] == [1.0]


def test_steps_are_counted_over_the_life_of_the_model(model, tmp_path):
    assert model.training_step == 0
    fit(model, epochs=2)
    assert model.training_step == 6
    fit(model, BetaController("constant"))
    assert model.training_step == 9
    model.evaluate(X, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.training_step == 9
    fit(loaded)
    assert loaded.training_step == 12


def warm_up(model, resume=True, **length):
    """Beta after each of two epochs."""
    return fit(model, BetaController("linear_warmup", resume, **length), epochs=2)["beta"]


@pytest.mark.parametrize(("unit", "length"), [("epochs", 4), ("steps", 12)])
def test_a_rule_counts_from_where_it_begins(model, tmp_path, unit, length):
    """Three steps an epoch, so that both take four epochs."""
    fit(model, epochs=3)
    begun = [0.25, 0.5]
    assert warm_up(model, **{unit: length}) == pytest.approx(begun)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        assert warm_up(each, **{unit: length}) == pytest.approx([0.75, 1.0])
    assert warm_up(model, resume=False, **{unit: length}) == pytest.approx(begun)
    assert warm_up(model, **{unit: 2 * length}) == pytest.approx([0.125, 0.25])


def test_a_rule_goes_on_from_weights_alone(model, tmp_path):
    assert warm_up(model, epochs=8) == [0.125, 0.25]
    model.save_weights(tmp_path / "model.weights.h5")
    copies = [compiled(keras.models.clone_model(model)) for _ in range(2)]
    for copy in copies:
        copy.build((None, X.shape[1]))
    copies[0].load_weights(tmp_path / "model.weights.h5")
    copies[1].set_weights(model.get_weights())
    for each in (model, *copies):
        assert warm_up(each, epochs=8) == [0.375, 0.5]


def test_one_rule_a_fit(model):
    with pytest.raises(ValueError, match="REWO was to be installed beside Constant"):
        model.fit(X, callbacks=[BetaController("constant"), BetaController("rewo", kappa=1.0)])
    assert fit(model, BetaController("constant", beta=0.5))["beta"] == [0.5]


def test_a_class_that_was_edited_takes_effect(model):
    """As in a notebook: the same name and settings, other code."""

    def edited(value):
        class Rule(Constant):
            def update(self, state, signals):
                return {"beta": value + 0.0 * state["beta"]}

        return Rule()

    assert [fit(model, BetaController(edited(value)))["beta"] for value in (0.25, 0.75)] == [
        [0.25],
        [0.75],
    ]


def test_options_are_given_by_name_config_class_or_instance(model):
    for controller in (
        BetaController("constant", beta=0.5),
        BetaController({"name": "constant", "beta": 0.5}),
        BetaController(Constant(0.5)),
        BetaController("hiervae:constant", beta=0.5),
    ):
        assert isinstance(controller.scheduler, Constant)
        assert controller.scheduler.beta == 0.5
    assert BetaController(Constant).scheduler.beta == 1.0


def test_wrong_controllers():
    with pytest.raises(ValueError, match=r"options \['beta'\].*only beside a name"):
        BetaController(Constant(), beta=0.5)
    with pytest.raises(ValueError, match="kappa=0: expected a positive number"):
        BetaController("rewo", kappa=0)
    with pytest.raises(LookupError, match="reewo") as error:
        BetaController("reewo", kappa=1)
    assert "rewo" in str(error.value).replace("reewo", "")
    with pytest.raises(Exception, match="slope"):
        BetaController("rewo", kappa=1, slope=3)


def test_a_controller_needs_one_of_our_models():
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    other.compile(loss="mse")
    with pytest.raises(ValueError, match="Sequential; expected a hiervae.HierarchicalVAE"):
        other.fit(
            np.zeros((4, 2)), np.zeros((4, 1)), verbose=0, callbacks=[BetaController("constant")]
        )


class Many(Constant):
    def __init__(self, num):
        super().__init__()
        self.num = num

    def initial_state(self):
        return {"beta": 1.0, **{f"s{index}": 0.0 for index in range(self.num)}}

    def get_config(self):
        return {"num": self.num}


class WithoutBeta(Constant):
    def initial_state(self):
        return {"weight": 1.0}


@pytest.mark.parametrize("rule", [Many(CAPACITY - 2), WithoutBeta()])
def test_a_state_that_does_not_fit_is_refused(rule):
    name = type(rule).__name__
    with pytest.raises(ValueError, match=f"{name}.initial_state.*expected at most 13 scalars"):
        ControlState().install(rule)
    ControlState().install(Many(CAPACITY - 3))


class Silent(Constant):
    """A rule that does not say one of its options."""

    def __init__(self, beta=1.0, factor=1.0):
        super().__init__(beta)
        self.factor = factor


def test_a_rule_that_does_not_say_its_options_is_refused(model):
    with pytest.raises(IncompatiblePluginError, match="'Silent'.* lacks .*'factor'"):
        fit(model, BetaController(Silent(factor=0.5)))
    assert model.control.scheduler is None


def test_state_is_read_and_written_by_name():
    control = ControlState()
    assert control.read() == {}
    with pytest.raises(ValueError, match="no scheduler to write to; install one first"):
        control.write({"beta": 1.0})
    control.install(REWO(kappa=1.0, beta=0.125))
    assert control.read() == {**REWO(kappa=1.0, beta=0.125).initial_state()}
    control.write({"beta": 0.5, "constraint": 3.0, "started": 1.0, "phase": 1.0, "gate_prior": 1.0})
    assert control.logged() == {"beta": 0.5, "constraint": 3.0, "phase": 1.0}
    control.detach()
    control.install(REWO(kappa=1.0, beta=0.125))
    assert control.read()["beta"] == 0.5, "the same rule goes on"
    with pytest.raises(ValueError, match="one BetaController a `fit`"):
        control.install(REWO(kappa=1.0, beta=0.125))
    control.detach()
    control.install(REWO(kappa=2.0, beta=0.125))
    assert control.read()["beta"] == 0.125, "another rule begins anew"
