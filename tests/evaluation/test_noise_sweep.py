"""Sweeps over the noise of one level, against decoding by hand."""

import numpy as np
import pytest

from hiervae.evaluation import noise_sweep
from tests.support.models import EVENT_SIZE, small_model

DIMS = (3, 2, 4)


def built(inference):
    model = small_model(inference=inference, latent_dims=DIMS)
    model.build((None, EVENT_SIZE))
    rng = np.random.default_rng(3)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(scale=0.7, size=tuple(weight.shape)))
    return model


@pytest.fixture(scope="module", params=["bottom_up", "top_down"])
def stacked(request):
    return built(request.param)


def noises_of(model, monkeypatch, level, seed=4):
    """The latents that a sweep decodes, and the noise that made them, level by level."""
    seen = []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda latents: seen.append(latents) or decode(latents))
    images = noise_sweep(model, level, num=3, seed=seed)
    (latents,) = seen
    assert images.shape == (3, 3, EVENT_SIZE)
    np.testing.assert_allclose(images.reshape(9, -1), decode(latents), rtol=1e-5)
    noises = [latents[-1]]
    for index in range(len(DIMS) - 2, -1, -1):
        conditional = model.conditional_prior(latents[index + 1 :])
        stddev = np.exp(0.5 * conditional.log_variance)
        noises.insert(0, (latents[index] - conditional.mean) / stddev)
    return latents, noises


@pytest.mark.parametrize("level", [1, 2, 3])
def test_noise_of_one_level_changes_and_all_other_noise_is_held(stacked, monkeypatch, level):
    latents, noises = noises_of(stacked, monkeypatch, level)
    for number, noise in enumerate(noises, start=1):
        spread = np.ptp(noise, axis=0)
        if number == level:
            assert spread.min() > 0.3
        else:
            np.testing.assert_allclose(spread, 0.0, atol=1e-3)
    for number, latent in enumerate(latents, start=1):
        moves = bool(np.ptp(latent, axis=0).max() > 1e-3)
        assert moves is (number <= level), "what lies below follows, what lies above stays"


def test_the_noise_held_is_the_same_whichever_level_changes(stacked, monkeypatch):
    _, one = noises_of(stacked, monkeypatch, 1)
    monkeypatch.undo()
    _, three = noises_of(stacked, monkeypatch, 3)
    np.testing.assert_allclose(one[1][0], three[1][0], atol=1e-3)
    monkeypatch.undo()
    _, other = noises_of(stacked, monkeypatch, 3, seed=5)
    assert np.abs(other[1][0] - three[1][0]).max() > 1e-2


@pytest.mark.parametrize("level", [1, 2, 3])
def test_of_a_flat_structure_one_level_is_drawn(monkeypatch, level):
    model = built("vlae")
    seen = []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda latents: seen.append(latents) or decode(latents))
    noise_sweep(model, level, num=3)
    for number, latent in enumerate(seen[0], start=1):
        assert bool(np.ptp(latent, axis=0).min() > 0.1) is (number == level)


def test_bad_arguments(stacked):
    with pytest.raises(ValueError, match="level=4: expected a number from 1"):
        noise_sweep(stacked, 4)
    with pytest.raises(ValueError, match="num=0: expected a positive integer"):
        noise_sweep(stacked, 1, num=0)
    for seed in (None, -1, 1.5):
        with pytest.raises(ValueError, match=f"seed={seed}: expected an integer of at least 0"):
            noise_sweep(stacked, 1, seed=seed)
