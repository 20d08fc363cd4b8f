import types

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("PyTorch alone records graphs", allow_module_level=True)

import torch

import hiervae
from hiervae import random
from hiervae.backend import torch_loop
from hiervae.backend.torch_loop import RecordedFunction, repeat


@pytest.fixture(autouse=True)
def recorded_soon(monkeypatch):
    monkeypatch.setattr(torch_loop, "PASSES_BEFORE_RECORDING", 1)


class Holder:
    """Variables, and how often Python went through the body."""

    def __init__(self, *values):
        self.variables = [keras.Variable(value, dtype="float32") for value in values]
        self.generator_states = []
        self.bodies = 0


def power_series(holder):
    """2 sum_i<count (a x)^i + a, by Keras' operations."""

    def function(x, count):
        scaled = holder.variables[0] * x

        def body(index, total, power):
            holder.bodies += 1
            return total + power, power * scaled

        zeros = keras.ops.zeros_like(x)
        total, _ = repeat(holder, body, (zeros, zeros + 1.0), count)
        return 2.0 * total + holder.variables[0]

    return function


def expected(a, x, count):
    return 2 * sum((a * x) ** i for i in range(count)) + a


def number(value):
    return torch.tensor(value, dtype=torch.int32)


def test_what_was_recorded_gives_the_same_for_other_arrays_counts_and_weights():
    holder = Holder(0.5)
    function = RecordedFunction(holder, power_series(holder))
    for call, (a, values, count) in enumerate(
        [(0.5, [1.0, 2.0], 3), (0.5, [3.0, -1.0], 5), (-0.7, [0.3, 0.4], 7), (0.2, [1.0, 2.0], 0)]
    ):
        holder.variables[0].assign(a)
        found = function(torch.tensor(values), number(count))
        np.testing.assert_allclose(found, expected(a, np.array(values), count), rtol=1e-5)
        # Three eager passes, then one to record; from then on Python is not asked.
        assert holder.bodies == (3 if call == 0 else 4)


def test_arrays_of_another_form_are_recorded_by_themselves():
    holder = Holder(0.5)
    function = RecordedFunction(holder, power_series(holder))
    for size in (2, 3, 2, 3):
        x = np.linspace(0, 1, size, dtype="float32")
        found = function(torch.from_numpy(x), number(4))
        np.testing.assert_allclose(found, expected(0.5, x, 4), rtol=1e-5)
    assert holder.bodies == 2 * (4 + 1)


def test_what_no_pass_changes_is_computed_once():
    holder = Holder(0.5)

    def function(x, count):
        def body(index, total):
            return (total + torch.exp(x) * index,)

        return repeat(holder, body, (torch.zeros_like(x),), count)[0]

    recorded = RecordedFunction(holder, function)
    for _ in range(2):
        assert float(recorded(torch.tensor(1.0), number(4))) == pytest.approx(6 * np.e)
    (graphs,) = recorded._recorded.values()
    nodes = graphs.one_pass.function.graph.nodes
    operations = [str(node.target) for node in nodes if node.op == "call_function"]
    assert not any("exp" in each for each in operations)
    assert any("mul" in each for each in operations)


def test_each_pass_draws_anew_from_a_generator_of_its_own():
    holder = Holder()

    def function(x, count):
        def body(index, total):
            return (torch.cat([total[1:], torch.randn(1)]),)

        return repeat(holder, body, (torch.zeros_like(x),), count)[0]

    recorded = RecordedFunction(holder, function)
    for _ in range(3):
        assert len(set(recorded(torch.zeros(5), number(5)).tolist())) == 5
    assert list(recorded._recorded.values()) != [None]


@pytest.mark.parametrize("kind", ["looks at values", "writes to a variable", "no loop"])
def test_what_cannot_be_recorded_goes_on_as_it_is(kind):
    holder = Holder(1.0)

    def function(x, count):
        def body(index, total):
            if kind == "looks at values" and float(x) > 2:
                return (total - 1.0,)
            if kind == "writes to a variable":
                holder.variables[0].assign(holder.variables[0] + 1.0)
            return (total + 1.0,)

        if kind == "no loop":
            repeat(holder, body, (torch.zeros_like(x),), count)
        return repeat(holder, body, (torch.zeros_like(x),), count)[0]

    recorded = RecordedFunction(holder, function)
    assert [float(recorded(torch.tensor(x), number(2))) for x in (1.0, 1.0, 3.0)] == [
        2.0,
        2.0,
        -2.0 if kind == "looks at values" else 2.0,
    ]
    assert list(recorded._recorded.values()) == [None]
    if kind == "writes to a variable":
        assert keras.ops.convert_to_numpy(holder.variables[0]) == 7.0


def test_what_overwrites_results_of_its_own_is_recorded():
    """As Keras' batch normalisation does."""
    holder = Holder()

    def function(x, count):
        def body(index, total):
            return ((total - x).mul_(2.0).add_(1.0),)

        return repeat(holder, body, (torch.zeros_like(x),), count)[0]

    recorded = RecordedFunction(holder, function)
    assert [float(recorded(torch.tensor(3.0), number(2))) for _ in range(3)] == [-15.0] * 3
    assert None not in recorded._recorded.values()
    assert recorded._recorded


@pytest.mark.parametrize("prior", ["standard_normal", "vamp", "vhp"])
@pytest.mark.parametrize("inference", ["bottom_up", "top_down", "ladder"])
def test_scores_are_the_same_recorded_or_not(prior, inference, monkeypatch):
    model = hiervae.HierarchicalVAE(
        latent_dims=(3, 2),
        inference=inference,
        prior={"name": prior, "num_components": 5} if prior == "vamp" else prior,
        network={"name": "mlp", "hidden_units": 6, "batch_norm": inference == "ladder"},
    )
    model.build((None, 7))
    x = np.random.default_rng(0).integers(0, 2, (6, 7)).astype("float32")
    scoring = types.SimpleNamespace(num_samples=40, batch_size=4, rows_per_pass=40, verbose=0)
    monkeypatch.setattr(torch_loop, "PASSES_BEFORE_RECORDING", 10**9)
    eager = model.log_likelihood(x, **vars(scoring))
    monkeypatch.setattr(torch_loop, "PASSES_BEFORE_RECORDING", 1)
    np.testing.assert_array_equal(model.log_likelihood(x, **vars(scoring)), eager)
    functions = [
        each for each in model._functions._functions.values() if isinstance(each, RecordedFunction)
    ]
    assert all(None not in each._recorded.values() and each._recorded for each in functions)
    with random.inject_noise(lambda kind, shape: np.zeros(shape)):
        without_noise = model.log_likelihood(x, **vars(scoring))
    assert np.abs(without_noise - eager).max() > 1e-3
