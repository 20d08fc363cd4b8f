"""What the rows count and prepare."""

import numpy as np
import pytest

import hiervae
from benchmarks import models, scaling, scoring, startup, training
from benchmarks.rows import OWN


@pytest.fixture(scope="module")
def standard():
    return models.build("standard", 0, 1)


def test_products_are_counted_from_the_weights(standard):
    encoder = 784 * 600 + 300 * 600 + 300 * 80
    decoder = 40 * 600 + 300 * 600 + 300 * 784
    assert models.products(standard) == encoder + decoder
    assert models.products(standard, [standard.likelihood]) == encoder + decoder - 300 * 784
    # Two products backwards for each one forwards, but for the gradient of x.
    expected = 2 * 100 * (3 * (encoder + decoder) - 784 * 600)
    assert training.flop_of(standard, 100) == expected
    assert scoring._flop("standard", standard, 5000) == 2 * 5000 * decoder


def test_pseudo_inputs_are_encoded_with_the_batch():
    model = models.build("vamp", 0, 1)
    encoder = 784 * 600 + 300 * 600 + 300 * 80
    decoder = 40 * 600 + 300 * 600 + 300 * 784
    expected = 6 * (100 * decoder + 600 * encoder + 100 * 500 * 80) - 2 * 100 * 784 * 600
    assert training.flop_of(model, 100, 500) == expected


@pytest.mark.parametrize("name", ["standard", "hvae_vamp"])
def test_training_and_scoring_run(name):
    job = training.prepare(name, OWN, 2, 0, True)
    job.run()
    assert job.units == 2
    job = scoring.prepare(name, OWN, 3, 0, True)
    values = job.run()
    assert values.shape == (3,)
    assert np.isfinite(values).all()


@pytest.mark.parametrize("preset", ["vhp", "vamp_pixel_hvae"])
def test_a_start_takes_one_step_of_the_preset(preset, monkeypatch):
    steps = []
    monkeypatch.setattr(
        hiervae.HierarchicalVAE, "fit", lambda model, x, **options: steps.append((x, options))
    )
    job = startup.prepare(preset, OWN, 1, 0, False)
    job.run()
    ((x, options),) = steps
    assert len(x) == options["batch_size"] == hiervae.presets.get(preset).training["batch_size"]
    assert len(options["callbacks"]) == 1


def test_examples_suit_the_model():
    assert models.examples("vhp", 3, 0).shape == (3, 16, 16)
    binary = models.examples("standard", 5, 0)
    assert set(np.unique(binary)) == {0.0, 1.0}
    np.testing.assert_array_equal(binary, models.examples("standard", 5, 0))


def test_slopes_are_those_of_the_largest_values():
    points = [
        {"value": 1, "cpu_s": 9.0, "flop": 1.0},
        {"value": 2, "cpu_s": 10.0, "flop": 2.0},
        {"value": 4, "cpu_s": 20.0, "flop": 8.0},
    ]
    assert scaling.slopes(points) == pytest.approx((1.0, 2.0))


def test_curves_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    points = [{"value": 1, "cpu_s": 1.0, "flop": 1.0}, {"value": 2, "cpu_s": 2.0, "flop": 2.0}]
    scaling.draw({"batch": points, "width": points}, tmp_path / "curves.svg")
    assert b"</svg>" in (tmp_path / "curves.svg").read_bytes()
