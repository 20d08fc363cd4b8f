"""Each rule, step by step, against its equations in NumPy."""

import math
from importlib.metadata import entry_points

import numpy as np
import pytest
from hiervae import registry
from hiervae.schedulers import Scheduler
from hiervae.testing import check_scheduler
from hiervae.types import Signals
from keras import ops

from hiervae_controllers import PID, Capacity, Cyclical, FreeBits, LaterREWO

RULES = {
    "cyclical": (Cyclical, {"steps": 20, "cycles": 3, "ratio": 0.4}),
    "pid": (PID, {"target": 3.0, "integral": 0.01}),
    "capacity": (Capacity, {"end": 5.0, "steps": 10, "gamma": 20.0}),
    "free_bits": (FreeBits, {"rate": 2.5}),
    "rewo_later": (LaterREWO, {"kappa": 0.5, "update_every": 2}),
}
GENERATOR = np.random.default_rng(0)
KL = np.concatenate([np.linspace(0.0, 9.0, 60), 9.0 * GENERATOR.random(60)])
ERRORS = np.concatenate([np.geomspace(40.0, 0.2, 60), 4.0 * GENERATOR.random(60)])


def run(rule, kl=KL, errors=ERRORS, num_dimensions=4.0):
    """The states after each step, in the arithmetic of the backend."""
    state = {key: scalar(value) for key, value in rule.initial_state().items()}
    history = []
    for step, (divergence, error) in enumerate(zip(kl, errors, strict=True), start=1):
        signals = Signals(
            scalar(step), scalar(1), scalar(error), scalar(divergence), num_dimensions
        )
        state = rule.update(state, signals)
        history.append({key: float(ops.convert_to_numpy(value)) for key, value in state.items()})
    return {key: np.array([state[key] for state in history]) for key in history[0]}


def scalar(value):
    return ops.convert_to_tensor(np.float32(value))


@pytest.mark.parametrize(("name", "options"), [(name, rule[1]) for name, rule in RULES.items()])
def test_it_keeps_the_contract_of_a_scheduler(name, options):
    check_scheduler(name, **options)


@pytest.mark.parametrize(("steps", "cycles", "ratio"), [(20, 4, 0.5), (20, 3, 0.4), (7, 1, 1.0)])
def test_cyclical(steps, cycles, ratio):
    expected = []
    for t in range(1, len(KL) + 1):
        tau = ((t - 1) % math.ceil(steps / cycles)) / (steps / cycles)
        expected.append(1.0 if t > steps or tau >= ratio else tau / ratio)
    got = run(Cyclical(steps, cycles, ratio))
    np.testing.assert_allclose(got["beta"], expected, atol=1e-5)
    np.testing.assert_array_equal(got["phase"], np.arange(1, len(KL) + 1) > steps)


@pytest.mark.parametrize("anti_windup", ["paper", "conditional"])
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.2, 0.3)])
def test_pid(bounds, anti_windup):
    low, high = bounds
    term, unclipped, betas, held_steps = 0.0, low, [], 0
    for kl in KL:
        error = 3.0 - kl
        change = -0.02 * error
        held = not low <= unclipped <= high
        if anti_windup == "conditional":
            held = (unclipped < low and change < 0) or (unclipped > high and change > 0)
        term += 0.0 if held else change
        held_steps += held
        unclipped = 0.05 / (1.0 + math.exp(error)) + term + low
        betas.append(min(max(unclipped, low), high))
    rule = PID(3.0, 0.05, 0.02, bounds, anti_windup)
    np.testing.assert_allclose(run(rule)["beta"], betas, atol=1e-5)
    assert held_steps > 0


def test_pid_the_paper_s_rule_may_hold_for_good_and_the_conditional_one_does_not():
    kl = np.concatenate([np.full(30, 50.0), np.full(300, 0.0)])
    errors = np.ones(330)
    stuck, free = (
        run(PID(5.0, integral=0.01, anti_windup=kind), kl, errors)["beta"]
        for kind in ("paper", "conditional")
    )
    assert stuck[-1] == 1.0
    assert free[-1] == 0.0


def test_capacity():
    capacity = np.minimum(np.arange(1, len(KL) + 1) / 10.0, 1.0) * 4.0 + 1.0
    got = run(Capacity(end=5.0, steps=10, start=1.0, gamma=20.0))
    np.testing.assert_allclose(got["capacity"], capacity, rtol=1e-6)
    np.testing.assert_array_equal(got["beta"], 20.0 * np.sign(KL - capacity))
    assert (got["beta"] < 0).any()
    assert (got["beta"] > 0).any()


@pytest.mark.parametrize("update_every", [1, 3])
def test_free_bits(update_every):
    beta, expected = 0.5, []
    for step, kl in enumerate(KL, start=1):
        if step % update_every == 0:
            factor = 1.2 if kl > 2.5 * 1.1 else 1.0 / 1.2 if kl < 2.5 else 1.0
            beta = min(max(beta * factor, 1e-3), 0.9)
        expected.append(beta)
    rule = FreeBits(2.5, 0.2, 0.1, update_every, 0.5, (1e-3, 0.9))
    np.testing.assert_allclose(run(rule)["beta"], expected, rtol=1e-4)


def test_free_bits_have_the_published_settings():
    rule = FreeBits(2.5)
    assert (rule.change, rule.tolerance) == (0.1, 0.05)
    assert rule.beta_bounds[1] == 1.0
    assert run(rule, kl=[2.5 * 1.049], errors=[1.0])["beta"] == [1.0]
    got = run(FreeBits(2.5, beta=0.5), kl=[2.5 * 1.051, 2.499], errors=[1.0, 1.0])
    np.testing.assert_allclose(got["beta"], [0.55, 0.5], rtol=1e-5)


@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
def test_later_rewo(beta):
    average, phase, multiplier, expected = None, 0.0, 1.0 / beta, []
    for step, error in enumerate(ERRORS, start=1):
        average = error if average is None else 0.9 * average + 0.1 * error
        violation = average / 4.0 - 0.7**2
        phase = 1.0 if violation < 0 else phase
        if phase and step % 2 == 0:
            f = -1.0 if violation > 0 else math.tanh(5.0 * (1.0 / multiplier - 1.0))
            factor = min(max(math.exp(-2.0 * f * violation), 0.9), 1.05)
            multiplier = min(max(multiplier * factor, 1e-6), 1e8)
        expected.append(phase / multiplier)
    got = run(LaterREWO(0.7, nu=2.0, tau=5.0, alpha=0.9, update_every=2, beta=beta))
    np.testing.assert_allclose(got["beta"], expected, rtol=1e-4)
    np.testing.assert_array_equal(got["gate_prior"], got["phase"])
    assert 5 < (got["phase"] == 0.0).sum() < 115
    assert (got["beta"][got["phase"] == 0.0] == 0.0).all()


def test_later_rewo_has_the_published_settings():
    rule = LaterREWO(0.5)
    assert (rule.alpha, rule.tau, rule.nu, rule.update_every) == (0.99, 100.0, 1.0, 100)
    assert rule.multiplier_bounds == (0.9, 1.05)
    assert rule.lambda_bounds == (1e-6, 1e8)


def test_later_rewo_says_why_its_initial_phase_did_not_end():
    rule = LaterREWO(0.5)
    logs = {"beta": 0.0, "constraint": 3.0, "phase": 0.0, "step": 100.0}
    assert "bound, 1 nats (kappa 0.5)" in rule.unfinished(logs, 4)
    assert rule.unfinished({**logs, "phase": 1.0}, 4) is None


@pytest.mark.parametrize(("rule", "options"), RULES.values())
def test_a_batch_that_is_not_finite_changes_no_beta(rule, options):
    kl, errors = np.array([2.0, np.nan, np.inf, 2.0]), np.array([0.1, np.nan, np.inf, 0.1])
    betas = run(rule(**options), kl, errors)["beta"]
    assert np.isfinite(betas).all()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cyclical", {"steps": 3, "cycles": 4}, "at most one cycle"),
        ("cyclical", {"steps": 3, "ratio": 2.0}, "ratio"),
        ("pid", {"target": -1.0}, "target"),
        ("pid", {"target": 1.0, "beta_bounds": (-1.0, 1.0)}, "beta_bounds"),
        ("pid", {"target": 1.0, "anti_windup": "no"}, "anti_windup"),
        ("capacity", {"end": 1.0, "steps": 0}, "steps"),
        ("free_bits", {"rate": 1.0, "beta_bounds": (0.0, 1.0)}, "beta_bounds"),
        ("rewo_later", {"kappa": 1.0, "multiplier_bounds": (0.0, 1.0)}, "multiplier_bounds"),
    ],
)
def test_options_that_are_out_of_range(name, options, message):
    with pytest.raises(ValueError, match=message):
        registry.create("hiervae.schedulers", {"name": name, **options}, Scheduler)


@pytest.mark.parametrize(("name", "rule"), [(name, rule[0]) for name, rule in RULES.items()])
def test_it_is_found_by_its_entry_point(name, rule):
    (point,) = entry_points(group="hiervae.schedulers", name=name)
    assert point.load() is rule
    assert point.dist.name == "hiervae-controllers"
