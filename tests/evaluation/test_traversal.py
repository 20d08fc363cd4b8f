"""Traversals, against decoding by hand."""

import numpy as np
import pytest

from hiervae.distributions import DiagonalNormal
from hiervae.errors import DataError
from hiervae.evaluation import traversal
from tests.support.models import EVENT_SIZE, binary_data, numpy_of, small_model, tensor

STACKED = ("bottom_up", "ladder", "top_down")
AXIS = np.array([-1.5, 0.0, 1.5], dtype="float32")
# Row by row from the top: the first dimension grows to the right, the second upwards.
GRID = np.array([[x, y] for y in AXIS[::-1] for x in AXIS])


def built(inference, latent_dims, **options):
    """A model whose weights are away from where they start."""
    model = small_model(inference=inference, latent_dims=latent_dims, **options)
    model.build((None, EVENT_SIZE))
    rng = np.random.default_rng(3)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(scale=0.7, size=tuple(weight.shape)))
    return model


@pytest.fixture(scope="module")
def flat():
    mixture = {"name": "mixture_of_gaussians", "num_components": 3}
    return built("vlae", (2, 1, 3), prior=mixture)


@pytest.fixture(scope="module", params=STACKED)
def stacked(request):
    return built(request.param, (3, 2, 4))


def levels(model, latent):
    return np.split(latent, np.cumsum(model.latent_dims)[:-1], axis=1)


def assert_shows(images, shape, decoded):
    assert images.shape == (*shape, EVENT_SIZE)
    np.testing.assert_allclose(images.reshape(decoded.shape), decoded, rtol=1e-5, atol=1e-6)


def test_grid_over_a_flat_level_with_fresh_others(flat):
    _, second, third = levels(flat, flat.sample_prior(9, seed=4))
    images = traversal(flat, 1, num=3, limit=1.5, seed=4)
    assert_shows(images, (3, 3), flat.decode([GRID, second, third]))


def test_grid_over_a_flat_level_with_held_others(flat):
    _, *others = levels(flat, flat.sample_prior(1, seed=4))
    images = traversal(flat, 1, num=3, limit=1.5, others="held", seed=4)
    assert_shows(images, (3, 3), flat.decode([GRID, *(np.repeat(part, 9, 0) for part in others)]))


def test_line_over_a_flat_level(flat):
    first, _, third = (np.repeat(z, 3, 0) for z in levels(flat, flat.sample_prior(3, seed=4)))
    images = traversal(flat, 2, num=3, limit=1.5, seed=4)
    assert_shows(images, (3, 3), flat.decode([first, np.tile(AXIS, 3)[:, None], third]))


def test_redraws_of_a_flat_level(flat):
    first, second, _ = (np.repeat(z, 4, 0) for z in levels(flat, flat.sample_prior(4, seed=4)))
    *_, third = levels(flat, flat.sample_prior(16))  # the generator goes on
    images = traversal(flat, 3, num=4, seed=4)
    assert_shows(images, (4, 4), flat.decode([first, second, third]))


def test_grid_over_a_middle_level_of_a_stack(stacked):
    top = np.repeat(stacked.sample_prior(1, seed=4), 9, 0)
    conditional = stacked.conditional_prior([top])
    middle = conditional.mean + np.exp(0.5 * conditional.log_variance) * GRID
    bottom = stacked.conditional_prior([middle, top]).mean
    images = traversal(stacked, 2, num=3, limit=1.5, seed=4)
    assert_shows(images, (3, 3), stacked.decode([bottom, middle, top]))


def test_redraws_of_the_bottom_of_a_stack(stacked):
    num = 4
    rng = np.random.default_rng(4)
    top = stacked.sample_prior(num, seed=4)
    conditional = stacked.conditional_prior([top])
    noise = rng.standard_normal((num, 2), dtype="float32")
    middle = conditional.mean + np.exp(0.5 * conditional.log_variance) * noise
    middle, top = np.repeat(middle, num, 0), np.repeat(top, num, 0)
    conditional = stacked.conditional_prior([middle, top])
    noise = rng.standard_normal((num * num, 3), dtype="float32")
    bottom = conditional.mean + np.exp(0.5 * conditional.log_variance) * noise
    images = traversal(stacked, 1, num=num, seed=4)
    assert_shows(images, (num, num), stacked.decode([bottom, middle, top]))


def test_redraws_of_the_top_of_a_stack_are_means_of_samples(stacked):
    expected = stacked.generate(stacked.sample_prior(9, seed=4))
    assert_shows(traversal(stacked, 3, num=3, seed=4), (3, 3), expected)


def test_fresh_levels_of_a_stack_follow_the_level():
    """With linear maps and many cells, the mean of fresh draws is the image of the mean."""
    model = built("bottom_up", (2, 1), likelihood="gaussian")
    held = traversal(model, 2, num=5)
    fresh = traversal(model, 2, num=5, others="fresh")
    assert held.shape == (1, 5, EVENT_SIZE)  # all rows would be alike
    assert fresh.shape == (5, 5, EVENT_SIZE)
    assert np.ptp(fresh, axis=0).min() > 1e-4
    for column, value in enumerate(np.linspace(-2.0, 2.0, 5)):
        top = np.full((1, 1), value, dtype="float32")
        np.testing.assert_allclose(held[0, column], model.generate(top)[0], rtol=1e-5, atol=1e-6)
    top = np.tile(np.linspace(-2.0, 2.0, 5, dtype="float32"), 5)[:, None]
    conditional = model.conditional_prior([top])
    noise = np.random.default_rng(0).standard_normal((25, 2), dtype="float32")
    below = conditional.mean + np.exp(0.5 * conditional.log_variance) * noise
    assert_shows(fresh, (5, 5), model.decode([below, top]))


def test_above_is_fresh_too():
    model = built("top_down", (2, 3))
    top = model.sample_prior(9, seed=4)
    conditional = model.conditional_prior([top])
    bottom = conditional.mean + np.exp(0.5 * conditional.log_variance) * GRID
    images = traversal(model, 1, num=3, limit=1.5, others="fresh", seed=4)
    assert_shows(images, (3, 3), model.decode([bottom, top]))


def test_one_level_is_a_grid_of_its_latents():
    model = built("bottom_up", 2)
    assert_shows(traversal(model, 1, num=3, limit=1.5), (3, 3), model.decode(GRID))
    assert traversal(model, 1, num=1).shape == (1, 1, EVENT_SIZE)


def test_seeds_and_default_sizes(flat):
    images = traversal(flat, 1)
    assert images.shape == (20, 20, EVENT_SIZE)
    np.testing.assert_array_equal(images, traversal(flat, 1))
    assert np.abs(images - traversal(flat, 1, seed=1)).max() > 1e-3
    assert traversal(flat, 3).shape == (10, 10, EVENT_SIZE)


@pytest.mark.parametrize(
    ("level", "options", "message"),
    [
        (0, {}, "from 1 .nearest the data. to 3"),
        (4, {}, "from 1"),
        (True, {}, "from 1"),
        (1.0, {}, "from 1"),
        (1, {"num": 0}, "num=0"),
        (1, {"limit": 0.0}, "limit=0.0"),
        (1, {"others": "random"}, "'fresh', 'held'"),
        (3, {"others": "fresh"}, "samples"),
        (1, {"seed": -1}, "seed=-1: expected an integer of at least 0"),
    ],
)
def test_wrong_options_are_refused(flat, level, options, message):
    with pytest.raises(ValueError, match=message):
        traversal(flat, level, **options)


def test_conditional_priors_are_those_of_inference(stacked):
    outcome = stacked.posterior(binary_data(5), seed=0)
    latents = [level.latent for level in outcome.levels]
    for number, level in enumerate(outcome.levels[:-1], start=1):
        conditional = stacked.conditional_prior(latents[number:])
        assert isinstance(conditional, DiagonalNormal)
        for name in ("mean", "log_variance"):
            expected = getattr(level.conditional_prior, name)
            np.testing.assert_allclose(getattr(conditional, name), expected, rtol=1e-4, atol=1e-5)


def test_conditional_priors_generate(stacked):
    """Against `generate`, which goes down by itself."""
    top = stacked.sample_prior(5, seed=0)
    latents = stacked.inference.generate(tensor(top), sample=False).latents
    middle = stacked.conditional_prior([top]).mean
    bottom = stacked.conditional_prior([middle, top]).mean
    for found, expected in zip((bottom, middle), latents, strict=False):
        np.testing.assert_allclose(found, numpy_of(expected), rtol=1e-4, atol=1e-5)


def test_conditional_priors_that_are_not_there(flat, stacked):
    with pytest.raises(DataError, match="flat structure"):
        flat.conditional_prior([np.zeros((1, 3))])
    for above in ([], [np.zeros((1, 3))] * 3):
        with pytest.raises(DataError, match="from 1 to L - 1"):
            stacked.conditional_prior(above)
    with pytest.raises(DataError, match=r"above\[0\] has the shape \(1, 3\); expected \(n, 4\)"):
        stacked.conditional_prior([np.zeros((1, 3))])
