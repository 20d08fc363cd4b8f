"""The rules inside the compiled training step, over a save and a resume in the middle."""

import keras
import numpy as np
import pytest

from hiervae.callbacks import BetaController
from hiervae.errors import NonFiniteLossError
from hiervae.schedulers.rewo import REWO
from tests.support import algorithm1
from tests.support.models import EVENT_SIZE, binary_data, compiled, small_model, vhp

STEPS_PER_EPOCH, EPOCHS, EPOCHS_BEFORE_SAVE, BATCH = 40, 5, 2, 8
# With nu = 1 beta would add up the float32 roundings of C-hat to more than 1e-6 in 200 steps.
OPTIONS = {"kappa": 0.8, "nu": 0.02, "tau": 3.0, "alpha": 0.8, "beta": 0.5}
SETTINGS = algorithm1.Settings(size=EVENT_SIZE, **OPTIONS)


class ProbedREWO(REWO):
    """REWO that also keeps the error C of the batch it saw last."""

    def initial_state(self):
        return {**super().initial_state(), "error": 0.0}

    def update(self, state, signals):
        return {**super().update(state, signals), "error": signals.constraint}


class Recorder(keras.callbacks.Callback):
    """The whole control state after each call of the compiled step."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def on_train_batch_end(self, batch, logs=None):
        self.rows.append(self.model.control.read())


def train(path, steps_per_execution):
    """200 steps with a save and a load after 80; the recorded rows."""
    half = STEPS_PER_EPOCH * BATCH // 2
    noise = np.random.default_rng(1).integers(0, 2, size=(half, EVENT_SIZE))
    x = np.concatenate([binary_data(half), noise])  # in turn meets and violates the constraint
    recorder = Recorder()
    model = compiled(
        small_model(prior=vhp()),
        keras.optimizers.SGD(0.1),
        steps_per_execution=steps_per_execution,
    )
    for part in range(2):
        if part:
            model.save(path)
            model = keras.models.load_model(path)
        model.fit(
            x,
            batch_size=BATCH,
            epochs=EPOCHS - EPOCHS_BEFORE_SAVE if part else EPOCHS_BEFORE_SAVE,
            shuffle=False,
            verbose=0,
            callbacks=[BetaController(ProbedREWO(**OPTIONS)), recorder],
        )
    assert model.training_step == STEPS_PER_EPOCH * EPOCHS
    return recorder.rows


@pytest.fixture(scope="module")
def step_by_step(tmp_path_factory):
    return train(tmp_path_factory.mktemp("one") / "model.keras", 1)


def expected_rows(rows):
    return algorithm1.rewo([row["error"] for row in rows], SETTINGS)


def compare(found, expected):
    """To 1e-6; C-hat relative to its size of about 4 nats, as float32 allows."""
    for step, (row, truth) in enumerate(zip(found, expected, strict=True), start=1):
        assert row["beta"] == pytest.approx(truth.beta, rel=0, abs=1e-6), step
        assert row["constraint"] == pytest.approx(truth.constraint, rel=1e-6), step
        assert row["phase"] == row["gate_prior"] == truth.phase, step


def test_course_shows_both_phases_and_both_directions(step_by_step):
    """The run below would prove little if beta only rose or never left the initial phase."""
    expected = expected_rows(step_by_step)
    phases = [row.phase for row in expected]
    assert len(expected) == 200
    assert 10 < phases.index(1) < 120
    changes = np.diff([row.beta for row in expected])
    assert changes.min() < 0 < changes.max()
    assert len(np.unique([row["error"] for row in step_by_step])) > 150


def test_every_step_follows_algorithm_1(step_by_step):
    compare(step_by_step, expected_rows(step_by_step))


@pytest.mark.backends("jax", "tensorflow")
def test_eight_steps_an_execution_follow_it_too(step_by_step, tmp_path):
    found = train(tmp_path / "model.keras", 8)
    assert len(found) == 25
    compare(found, expected_rows(step_by_step)[7::8])


@pytest.mark.backends("torch")
def test_torch_refuses_several_steps_an_execution():
    with pytest.raises(ValueError, match="steps_per_execution"):
        compiled(small_model(), steps_per_execution=8).fit(binary_data(64), batch_size=8, verbose=0)


def test_warm_up_counts_epochs_and_steps_over_a_resume(tmp_path):
    x = binary_data(24)

    def betas(model, **options):
        controller = BetaController("linear_warmup", **options)
        history = model.fit(x, batch_size=8, epochs=2, verbose=0, callbacks=[controller]).history
        return history["beta"], history["phase"]

    for options, expected in (
        ({"epochs": 3}, [1 / 3, 2 / 3, 1.0, 1.0]),
        ({"steps": 8, "start": 0.2}, [0.2 + 0.8 * 3 / 8, 0.2 + 0.8 * 6 / 8, 1.0, 1.0]),
    ):
        model = compiled(small_model())
        first, early = betas(model, **options)
        model.save(tmp_path / "model.keras")
        second, late = betas(keras.models.load_model(tmp_path / "model.keras"), **options)
        assert [*first, *second] == pytest.approx(expected)
        assert [*early, *late] == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("rule", ["geco", "rewo"])
def test_a_bound_far_above_the_error_trains(rule):
    model = compiled(small_model(), keras.optimizers.Adam(1e-3))
    controller = BetaController(rule, kappa=10.0)
    logs = model.fit(binary_data(64), batch_size=8, verbose=0, callbacks=[controller]).history
    assert np.isfinite(logs["loss"]).all()
    assert logs["beta"][0] == pytest.approx({"geco": 1e6, "rewo": 1.0}[rule])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"name": "constant", "beta": 1e30}, r"beta.*is 1e\+30 under Constant"),
        (
            {"name": "geco", "kappa": 10.0, "beta_bounds": (1e-30, 1e30)},
            r"beta has grown to 1e\+30, because kappa\^2 = 100 nats per scalar",
        ),
    ],
)
def test_an_infinite_loss_is_laid_to_beta(rule, message):
    x = binary_data(64)
    model = compiled(small_model(), keras.optimizers.SGD(1e10))
    with pytest.raises(NonFiniteLossError, match=message):
        model.fit(x, batch_size=8, epochs=2, verbose=0, callbacks=[BetaController(rule)])


class Weighted(REWO):
    """A rule of a user with an option of its own, which the step has as a constant."""

    def __init__(self, kappa, factor=1.0, **options):
        super().__init__(kappa, **options)
        self.factor = factor

    def update(self, state, signals):
        updated = super().update(state, signals)
        return {**updated, "beta": self.factor * updated["beta"]}

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (REWO(0.8, nu=0.1), REWO(1.0, nu=0.5, tau=2.0, alpha=0.5, beta=0.2)),
        (Weighted(0.8, factor=0.5), Weighted(0.8, factor=0.25)),
    ],
)
def test_a_rule_after_another_of_its_kind_decides_as_it_would_alone(first, second):
    x = binary_data(48)
    steps = 1 if keras.backend.backend() == "torch" else 2
    model = compiled(small_model(prior=vhp()), steps_per_execution=steps)
    model.build((None, EVENT_SIZE))
    start = [keras.ops.convert_to_numpy(variable).copy() for variable in model.variables]
    model.fit(x, batch_size=8, verbose=0, callbacks=[BetaController(first)])
    states = []
    for each in (model, compiled(small_model(prior=vhp()), steps_per_execution=steps)):
        each.build((None, EVENT_SIZE))
        for variable, value in zip(each.variables, start, strict=True):
            variable.assign(value)
        each.fit(x, batch_size=8, epochs=2, verbose=0, callbacks=[BetaController(second)])
        each.control.install(second)
        states.append(each.control.read())
    assert states[0] == pytest.approx(states[1], rel=1e-5)
