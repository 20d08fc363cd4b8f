"""kappa="auto": the bound of GECO and REWO measured in the first steps."""

import math

import keras
import numpy as np
import pytest

from hiervae.callbacks import BetaController
from hiervae.schedulers.geco import GECO
from hiervae.schedulers.rewo import REWO
from hiervae.types import Signals
from tests.support import algorithm1
from tests.support.models import EVENT_SIZE, binary_data, compiled, small_model, tensor, vhp

SIZE = 10
STEPS_PER_EPOCH = 20
MEASURED = 2 * STEPS_PER_EPOCH
_T = np.arange(200)
# Below 7 nats, the bound that is measured below, first after step 60 and not for good.
ERRORS = (5.0 + 9.0 * np.exp(-_T / 40.0) + 2.0 * np.sin(_T / 12.0)).tolist()
OPTIONS = {"nu": 0.1, "alpha": 0.9, "beta": 0.05}


def states(scheduler, errors=ERRORS, first=1):
    state = {key: tensor(value) for key, value in scheduler.initial_state().items()}
    rows = []
    for index, error in enumerate(errors):
        signals = Signals(
            step=tensor(first + index),
            epoch=tensor(1),
            constraint=tensor(error),
            kl=tensor(0.0),
            num_dimensions=float(SIZE),
        )
        state = scheduler.update(state, signals)
        rows.append({key: float(value) for key, value in state.items()})
    return rows


def truth(rule, errors, measured, fraction, size, nu, alpha, beta, tau=3.0):
    """Rows (beta, C-hat, phase) and the bound: beta = 1, then the rule from its initial beta."""
    averages = algorithm1.running_average(errors, alpha)
    bound = fraction * averages[measured - 1]
    rows, initial = [(1.0, average, 0) for average in averages[:measured]], True
    for average in averages[measured:]:
        difference = (average - bound) / math.sqrt(size)
        initial = initial and rule == "rewo" and difference >= 0
        pull = math.tanh(tau * (beta - 1.0)) if rule == "rewo" and difference <= 0 else -1.0
        if not initial:
            beta = beta * math.exp(nu * pull * difference)
            beta = min(beta, 1.0) if rule == "rewo" else beta
        rows.append((beta, average, 0 if initial else 1))
    return rows, bound


@pytest.mark.parametrize("counted", [{}, {"per_dimension": False}])
@pytest.mark.parametrize(("name", "rule"), [("geco", GECO), ("rewo", REWO)])
def test_the_rule_begins_after_the_measurement(name, rule, counted):
    scheduler = rule(kappa="auto", fraction=0.7, calibration_steps=MEASURED, **OPTIONS, **counted)
    found, measured = states(scheduler), MEASURED
    expected, bound = truth(name, ERRORS, measured, 0.7, SIZE, **OPTIONS)
    phases = [phase for _, _, phase in expected[measured:]]
    assert name == "geco" or (0 < phases.index(1) < 100), "the sequence shows no initial phase"
    changes = np.diff([beta for beta, _, _ in expected[measured:]])
    assert changes.min() < 0 < changes.max(), "the sequence shows one direction only"
    for step, (row, (beta, average, phase)) in enumerate(zip(found, expected, strict=True), 1):
        assert row["beta"] == pytest.approx(beta, rel=2e-5), step
        assert row["constraint"] == pytest.approx(average, rel=1e-6), step
        if name == "rewo":
            assert row["phase"] == row["gate_prior"] == phase, step
    assert {row["bound"] for row in found[measured:]} == {found[measured - 1]["bound"]}
    assert found[-1]["bound"] == pytest.approx(bound, rel=1e-6)
    assert [row["calibrated"] for row in found] == [0.0] * measured + [1.0] * (200 - measured)


def test_95_percent_of_the_error_after_2500_steps_by_default():
    rows = states(REWO(kappa="auto", alpha=0.0), [9.0, 4.0, 3.9, 3.0], first=2499)
    assert [row["bound"] for row in rows] == pytest.approx([0.95 * 9.0, 3.8, 3.8, 3.8])
    assert [row["calibrated"] for row in rows] == [0.0, 0.0, 1.0, 1.0]
    assert [row["phase"] for row in rows] == [0.0, 0.0, 0.0, 1.0]


def test_a_batch_that_is_not_finite_is_left_out_of_the_measurement():
    errors = [math.nan, 4.0, math.inf, 4.0, 1.0]
    rows = states(REWO(kappa="auto", alpha=0.5, calibration_steps=4), errors)
    assert [row["bound"] for row in rows[1:]] == pytest.approx([0.95 * 4.0] * 4)
    assert [row["phase"] for row in rows] == [0.0, 0.0, 0.0, 0.0, 1.0]


def test_a_number_has_no_measurement():
    assert not {"bound", "calibrated"} & REWO(kappa=1.0).initial_state().keys()
    assert states(REWO(kappa=1.0, beta=0.5), [11.0])[0]["beta"] == 0.5


class ProbedREWO(REWO):
    """REWO that also keeps the error C of the batch it saw last."""

    def initial_state(self):
        return {**super().initial_state(), "error": 0.0}

    def update(self, state, signals):
        return {**super().update(state, signals), "error": signals.constraint}


class Recorder(keras.callbacks.Callback):
    """The whole control state after each step, and the prior's weights after each epoch."""

    def __init__(self):
        super().__init__()
        self.rows, self.priors = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.rows.append(self.model.control.read())

    def on_epoch_end(self, epoch, logs=None):
        self.priors.append([weight.copy() for weight in self.model.prior.get_weights()])


def test_it_is_measured_in_fit_and_resumed(tmp_path):
    """With a save and a load within the measurement, and one after it."""
    x, recorder = binary_data(160), Recorder()
    options = {"nu": 0.05, "alpha": 0.8, "beta": 0.2, "tau": 3.0}
    model = compiled(small_model(prior=vhp()), keras.optimizers.SGD(0.1))
    model.build((None, EVENT_SIZE))
    recorder.set_model(model)
    recorder.on_epoch_end(0)
    for epochs in (1, 2, 2):
        rule = ProbedREWO(kappa="auto", fraction=0.95, calibration_steps=MEASURED, **options)
        model.fit(
            x,
            batch_size=8,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[BetaController(rule), recorder],
        )
        model.save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")
    errors = [row["error"] for row in recorder.rows]
    expected, bound = truth("rewo", errors, MEASURED, 0.95, EVENT_SIZE, **options)
    assert 0 in {phase for _, _, phase in expected[MEASURED:]}
    assert expected[-1][2] == 1, "the initial phase does not end"
    for row, (beta, average, phase) in zip(recorder.rows, expected, strict=True):
        assert row["beta"] == pytest.approx(beta, rel=1e-5)
        assert row["constraint"] == pytest.approx(average, rel=1e-5)
        assert row["phase"] == phase
    assert recorder.rows[-1]["bound"] == pytest.approx(bound, rel=1e-5)
    before, first, second, *_, last = recorder.priors
    for start, *held, moved in zip(before, first, second, last, strict=True):
        for weight in held:
            np.testing.assert_array_equal(weight, start)
        assert (moved != start).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kappa": 0.3, "fraction": 0.9}, r"fraction=0\.9.*beside kappa=0\.3.*\"auto\" only"),
        ({"kappa": 0.3, "calibration_steps": 2}, r"calibration_steps=2.*beside kappa=0\.3"),
        ({"kappa": "auto", "fraction": 0.0}, r"fraction=0\.0: expected a positive number"),
        ({"kappa": "auto", "calibration_steps": 0}, "calibration_steps=0: expected a positive"),
        ({"kappa": "Auto"}, "kappa='Auto': expected a positive number, such as.*or \"auto\""),
    ],
)
@pytest.mark.parametrize("rule", [GECO, REWO])
def test_bad_options(rule, options, message):
    with pytest.raises(ValueError, match=message):
        rule(**options)


def test_config_round_trip():
    for rule in (
        GECO(kappa="auto"),
        REWO(kappa="auto", fraction=0.9, calibration_steps=5, beta=0.1),
    ):
        rebuilt = type(rule).from_config(rule.get_config())
        assert vars(rebuilt) == vars(rule)
        assert rebuilt.initial_state()["beta"] == 1.0


def test_it_names_what_to_lower_where_beta_is_at_fault():
    rule = GECO(kappa="auto")
    hint = rule.diagnose({**rule.initial_state(), "beta": 1e5, "bound": 50.0, "constraint": 9.0})
    assert "the measured bound, 50 nats in total, lies above" in hint
    assert "Lower fraction or nu" in hint
