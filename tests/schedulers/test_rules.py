"""The pure rules against transcriptions of the papers, and against their known behaviour."""

import math

import numpy as np
import pytest

from hiervae.schedulers.constant import Constant
from hiervae.schedulers.geco import GECO
from hiervae.schedulers.linear_warmup import LinearWarmup
from hiervae.schedulers.rewo import REWO
from hiervae.types import Signals
from tests.support import algorithm1
from tests.support.models import tensor

STEPS = 100
DIMENSIONS = 10
# Crosses a bound of 6 nats from above, stays below it a while, and crosses it three times more.
_T = np.arange(STEPS)
ERRORS = (6.0 + 5.0 * np.exp(-_T / 25.0) * np.cos(_T / 20.0) + 0.3 * np.sin(_T / 3.0)).tolist()
CONSTANTS = {"nu": 0.1, "alpha": 0.9, "beta": 0.05}
VARIANTS = {
    "total": {"per_dimension": False},
    "per dimension": {"per_dimension": True},
    "as kappa is counted": {"per_dimension": False, "normalised": False},
    "as kappa is counted, per dimension": {"normalised": False, "nu": 0.7},
    "batch alone": {"per_dimension": False, "alpha": 0.0},
    "every third step": {"per_dimension": False, "update_every": 3},
    "bounded multiplier": {"per_dimension": False, "multiplier_bounds": (0.98, 1.01)},
    "bounded beta": {"per_dimension": False, "beta_bounds": (0.03, 0.2)},
}


def run(scheduler, errors, epochs=None, numbers=None):
    """States after each step, as Python numbers."""
    state = {key: tensor(value) for key, value in scheduler.initial_state().items()}
    rows = []
    for index, error in enumerate(errors):
        signals = Signals(
            step=tensor(index + 1),
            epoch=tensor(1 if epochs is None else epochs[index]),
            constraint=tensor(error),
            kl=tensor(0.0),
            num_dimensions=float(DIMENSIONS),
            numbers={key: tensor(value) for key, value in (numbers or {}).items()},
        )
        state = scheduler.update(state, signals)
        assert state.keys() == scheduler.initial_state().keys()
        rows.append({key: float(value) for key, value in state.items()})
    return rows


def options_of(variant, **more):
    options = {**CONSTANTS, **VARIANTS[variant], **more}
    bound = 0.6 if options.get("per_dimension", True) else 6.0
    return {"kappa": math.sqrt(bound), **options}


def settings_of(options):
    return algorithm1.Settings(size=DIMENSIONS, **options)


def compare(found, expected):
    """To 1e-6, for C-hat relative to its size: float32 values are 5e-7 apart at 6 nats.

    Small betas are held to 2e-5 of themselves: the exponent adds up 200 roundings of C-hat.
    """
    for step, (state, row) in enumerate(zip(found, expected, strict=True), start=1):
        assert state["beta"] == pytest.approx(row.beta, rel=0, abs=1e-6), step
        assert state["beta"] == pytest.approx(row.beta, rel=2e-5), step
        assert state["constraint"] == pytest.approx(row.constraint, rel=1e-6), step


@pytest.mark.parametrize("variant", VARIANTS)
def test_geco(variant):
    options = options_of(variant)
    expected = algorithm1.geco(ERRORS, settings_of(options))
    compare(run(GECO(**options), ERRORS), expected)
    changes = np.diff([row.beta for row in expected])
    assert changes.min() < 0 < changes.max(), "the sequence shows one direction only"


@pytest.mark.parametrize("variant", VARIANTS)
def test_rewo(variant):
    options = options_of(variant, tau=2.5)
    expected = algorithm1.rewo(ERRORS, settings_of(options))
    found = run(REWO(**options), ERRORS)
    compare(found, expected)
    phases = [row.phase for row in expected]
    assert 0 < phases.index(1) < 100, "the sequence shows no change of phase"
    assert [state["phase"] for state in found] == phases
    assert [state["gate_prior"] for state in found] == phases


def test_rewo_keeps_its_initial_value_in_the_initial_phase():
    """Also where the constraint is violated, and even if beta is larger than 1."""
    for beta in (1e-3, 5.0):
        rule = REWO(kappa=1.0, beta=beta, per_dimension=False, beta_bounds=(1e-8, 10.0))
        for state in run(rule, [9.0] * 20):
            assert state["beta"] == pytest.approx(beta)
            assert (state["phase"], state["gate_prior"]) == (0.0, 0.0)


def test_rewo_leaves_the_initial_phase_for_good():
    rows = run(REWO(kappa=2.0, alpha=0.0, per_dimension=False), [9.0, 3.9, 9.0, 9.0])
    assert [row["phase"] for row in rows] == [0.0, 1.0, 1.0, 1.0]
    assert rows[3]["beta"] < rows[2]["beta"] < rows[1]["beta"], "a violation lowers beta"


def test_a_constraint_met_exactly_does_not_end_the_initial_phase():
    rows = run(REWO(kappa=2.0, alpha=0.0, per_dimension=False), [4.0, 4.0])
    assert [row["phase"] for row in rows] == [0.0, 0.0]


@pytest.mark.parametrize("beta", [0.01, 0.7, 1.0, 1.4, 8.0])
def test_rewo_ends_on_the_elbo_where_the_constraint_holds(beta):
    options = {"per_dimension": False, "normalised": False, "beta_bounds": (1e-8, 10.0)}
    rows = run(REWO(kappa=2.0, nu=0.1, beta=beta, alpha=0.0, **options), [1.0] * 60)
    path = [beta, *(row["beta"] for row in rows)]
    assert path[-1] == pytest.approx(1.0, abs=1e-3)
    distances = np.abs(np.array(path) - 1.0)
    assert np.all(np.diff(distances) <= 1e-6), "beta does not approach 1 from its own side"
    side = np.sign(beta - 1.0)
    assert np.all(side * (np.array(path) - 1.0) >= -1e-6), "beta crosses 1"


@pytest.mark.parametrize(("error", "sign"), [(3.0, 1), (5.0, -1)])
def test_geco_has_no_pull_to_one(error, sign):
    rule = GECO(kappa=2.0, nu=0.1, alpha=0.0, per_dimension=False, normalised=False)
    rows = run(rule, [error] * 30)
    logs = np.log([row["beta"] for row in rows])
    np.testing.assert_allclose(logs, sign * 0.1 * np.arange(1, 31), rtol=1e-5)


def test_average_begins_at_the_first_batch():
    for scheduler in (GECO(kappa=1.0), REWO(kappa=1.0)):
        assert run(scheduler, [7.0])[0]["constraint"] == pytest.approx(7.0)
        second = run(scheduler, [7.0, 0.0])[1]["constraint"]
        assert second == pytest.approx(0.99 * 7.0, rel=1e-6)


def test_kappa_is_per_dimension_unless_told_otherwise():
    """In the main phase: C = 5 over 10 dimensions violates kappa^2 = 1 only in total."""
    for per_dimension, sign in ((True, 1), (False, -1)):
        scheduler = GECO(kappa=1.0, beta=0.5, per_dimension=per_dimension)
        change = run(scheduler, [5.0])[0]["beta"] - 0.5
        assert np.sign(change) == sign
    assert GECO(kappa=1.0).per_dimension
    assert REWO(kappa=1.0).per_dimension


EXTREMES = [1e6, 1e6, *[0.0] * 40, 1e30, *[0.0] * 40]


@pytest.mark.parametrize("options", [{}, {"per_dimension": False}, {"normalised": False}])
@pytest.mark.parametrize(("rule", "highest"), [(GECO, 1e6), (REWO, 1.0)])
def test_beta_stays_within_its_bounds_and_comes_back(rule, highest, options):
    betas = [row["beta"] for row in run(rule(kappa=10.0, alpha=0.0, **options), EXTREMES)]
    assert all(1e-8 * (1 - 1e-6) <= beta <= highest for beta in betas)
    assert betas[42] == pytest.approx(1e-8), "the largest violation leads to the lowest beta"
    assert betas[-1] == pytest.approx(highest)
    assert betas[-1] == betas[-2], "it oscillates"


@pytest.mark.parametrize("distance", [1.0, 5.0, 40.0])
def test_rewo_settles_at_one_while_the_bound_is_met(distance):
    rule = REWO(kappa=math.sqrt(80.0), alpha=0.0, per_dimension=False)
    betas = [row["beta"] for row in run(rule, [80.0 - distance] * 400)]
    assert max(betas) <= 1.0
    assert betas[-4:] == pytest.approx([1.0] * 4, abs=1e-4)


@pytest.mark.parametrize("rule", [GECO, REWO])
def test_beta_does_not_depend_on_how_the_bound_is_counted(rule):
    """The bound in total nats and the same per scalar, with one nu."""
    total = rule(kappa=math.sqrt(6.0), nu=0.3, alpha=0.5, beta=0.1, per_dimension=False)
    scalar = rule(kappa=math.sqrt(0.6), nu=0.3, alpha=0.5, beta=0.1)
    for one, other in zip(run(total, ERRORS), run(scalar, ERRORS), strict=True):
        assert one["beta"] == pytest.approx(other["beta"], rel=1e-4)
        assert one["constraint"] == other["constraint"]


@pytest.mark.parametrize("rule", [GECO, REWO])
def test_a_batch_whose_error_is_not_finite_changes_nothing(rule):
    options = {"kappa": 2.0, "alpha": 0.5, "per_dimension": False}
    for bad in (math.nan, math.inf):
        rows = run(rule(**options), [bad, 3.0, bad, 3.0])
        kept = run(rule(**options), [3.0, 3.0])
        assert rows[0] == pytest.approx(rule(**options).initial_state())
        assert rows[1] == rows[2] == kept[0]
        assert rows[3] == kept[1]


def test_a_rule_says_when_beta_may_be_at_fault():
    for rule, kappa in ((Constant(), None), (GECO(kappa=2.0), "kappa"), (REWO(kappa=2.0), "kappa")):
        state = rule.initial_state()
        assert rule.diagnose(state) is None
        for beta in (1e5, math.inf, math.nan):
            hint = rule.diagnose({**state, "beta": beta})
            assert "beta" in hint
            assert kappa is None or f"{kappa}^2 = 4 nats per scalar" in hint


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 4.0])
def test_constant(beta):
    assert [row["beta"] for row in run(Constant(beta), [1.0, 2.0])] == pytest.approx([beta] * 2)


@pytest.mark.parametrize(("start", "length"), [(0.0, 4), (0.2, 4), (0.0, 2.5)])
def test_linear_warmup_by_steps_and_epochs(start, length):
    expected = [start + (1 - start) * min(t / length, 1.0) for t in range(1, 8)]
    phases = [float(t >= length) for t in range(1, 8)]
    by_step = run(LinearWarmup(steps=length, start=start), [1.0] * 7)
    by_epoch = run(LinearWarmup(epochs=length, start=start), [1.0] * 7, epochs=range(1, 8))
    for rows in (by_step, by_epoch):
        assert [row["beta"] for row in rows] == pytest.approx(expected, rel=1e-6)
        assert [row["phase"] for row in rows] == phases
    within = run(LinearWarmup(epochs=4), [1.0] * 5, epochs=[2] * 5)
    assert [row["beta"] for row in within] == pytest.approx([0.5] * 5), "it moves within an epoch"


BAD = [
    (GECO, {"kappa": 0.0}, "kappa=0.0: expected a positive number, such as"),
    (GECO, {"kappa": -1}, "kappa=-1: expected a positive number"),
    (REWO, {"kappa": 0}, "kappa=0: expected a positive number"),
    (REWO, {"kappa": float("nan")}, "kappa=nan: expected a positive number"),
    (REWO, {"kappa": "0.3"}, "kappa='0.3': expected a positive number"),
    (REWO, {"kappa": float("inf")}, "kappa=inf: expected a positive number"),
    (GECO, {"kappa": 1e200}, "kappa=1e.200: expected a positive number of at most 1e.12"),
    (REWO, {"kappa": 1.0, "nu": 0.0}, "nu=0.0: expected a positive number"),
    (REWO, {"kappa": 1.0, "tau": -1.0}, "tau=-1.0: expected a positive number"),
    (REWO, {"kappa": 1.0, "beta": 0.0}, "beta=0.0: expected a positive number"),
    (GECO, {"kappa": 1.0, "alpha": 1.1}, "alpha=1.1: expected a number from 0.0 to 1.0"),
    (GECO, {"kappa": 1.0, "alpha": -0.1}, "alpha=-0.1: expected a number from 0.0 to 1.0"),
    (GECO, {"kappa": 1.0, "update_every": 0}, "update_every=0: expected a positive integer"),
    (
        REWO,
        {"kappa": 1.0, "beta": 1.5},
        "beta=1.5: expected an initial value from 1e-08 to 1, where",
    ),
    (GECO, {"kappa": 1.0, "beta_bounds": (2.0, 3.0)}, "beta=1.0: expected an initial value from 2"),
    (GECO, {"kappa": 1.0, "beta": 1e-50, "beta_bounds": (1e-60, 1.0)}, "beta=1e-50: .* from 1e-30"),
    (GECO, {"kappa": 1.0, "beta_bounds": (1e-60, 1.0)}, "beta_bounds=.* from 1e-30 to 1e30"),
    (GECO, {"kappa": 1.0, "nu": 1e300}, r"nu=1e\+300: expected a positive number from 1e-30"),
    (REWO, {"kappa": 1.0, "tau": 1e300}, r"tau=1e\+300: expected a positive number from 1e-30"),
    (GECO, {"kappa": 1.0, "normalised": 1}, "normalised=1: expected True or False"),
    (GECO, {"kappa": 1.0, "beta_bounds": (1.0, 0.5)}, "beta_bounds=.*two increasing positive"),
    (GECO, {"kappa": 1.0, "multiplier_bounds": (0.0, 1.0)}, "multiplier_bounds=.*two increasing"),
    (GECO, {"kappa": 1.0, "multiplier_bounds": 0.9}, "multiplier_bounds=0.9.*or None"),
    (Constant, {"beta": -0.5}, "beta=-0.5: expected a number from 0.0"),
    (Constant, {"beta": float("nan")}, "beta=nan: expected a number from 0.0"),
    (LinearWarmup, {}, "epochs=None and steps=None: expected one of the two, such as"),
    (LinearWarmup, {"epochs": 1, "steps": 1}, "epochs=1 and steps=1: expected one of the two"),
    (LinearWarmup, {"epochs": 0}, "epochs=0: expected a positive number"),
    (LinearWarmup, {"steps": -1}, "steps=-1: expected a positive number"),
    (LinearWarmup, {"steps": 10, "start": 2.0}, "start=2.0: expected a number from 0.0 to 1.0"),
]


@pytest.mark.parametrize(("rule", "options", "message"), BAD)
def test_bad_options(rule, options, message):
    with pytest.raises(ValueError, match=message):
        rule(**options)


@pytest.mark.parametrize(
    "scheduler",
    [
        Constant(0.5),
        LinearWarmup(epochs=3),
        LinearWarmup(steps=30, start=0.1),
        GECO(2.0, 0.5, 0.9, 0.7, False, 3, (0.9, 1.1), (0.1, 2.0), False),
        REWO(2.0, 0.5, 4.0, 0.2, alpha=0.9, per_dimension=False, beta_bounds=(0.1, 2.0)),
    ],
)
def test_config_round_trip(scheduler):
    config = scheduler.get_config()
    rebuilt = type(scheduler).from_config(config)
    assert rebuilt.get_config() == config
    assert rebuilt.initial_state() == scheduler.initial_state()
    assert vars(rebuilt) == vars(scheduler)


def test_rules_are_pure():
    """The same state and signals give the same state, however often they were asked."""
    scheduler = REWO(**options_of("total"))
    assert run(scheduler, ERRORS[:20]) == run(scheduler, ERRORS[:20])


def test_a_large_violation_divides_beta_by_its_exponential():
    """Where 1 + expm1() is 0 in float32."""
    rule = GECO(kappa=1.0, per_dimension=False, alpha=0.0, normalised=False, beta=1e5)
    (state,) = run(rule, [26.0])
    assert state["beta"] == pytest.approx(1e5 * math.exp(-25.0), rel=1e-4, abs=0.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *((GECO(**options_of(name)), GECO(**options_of(name))) for name in VARIANTS),
        *((REWO(**options_of(name)), REWO(**options_of(name))) for name in VARIANTS),
        (REWO("auto", calibration_steps=20), REWO("auto", calibration_steps=10)),
        (LinearWarmup(steps=30, start=0.1), LinearWarmup(steps=50)),
    ],
)
def test_numbers_are_inputs(one, other):
    """A rule decides by the numbers that the step gives, not by its own."""
    for name in ("nu", "alpha", "beta", "kappa", "tau"):
        if isinstance(getattr(one, name, None), float) and name in ("nu", "alpha", "kappa", "tau"):
            setattr(other, name, 0.9 * getattr(one, name))
    assert one.compiled_config() == other.compiled_config() != one.get_config()
    own, others = run(one, ERRORS), run(other, ERRORS)
    given = run(other, ERRORS, numbers=one.numbers())
    assert own != others
    for key in own[-1]:
        expected = [row[key] for row in own]
        np.testing.assert_allclose([row[key] for row in given], expected, rtol=1e-5, err_msg=key)
