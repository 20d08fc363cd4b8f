import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from hiervae.errors import DataError
from hiervae.evaluation import polar_regression

N = 3000
CHANCE = np.pi / 2


def even_angles(n=N):
    """Angles evenly over the circle, in random order."""
    return np.random.default_rng(0).permutation(2 * np.pi * (np.arange(n) + 0.5) / n)


def at(polar, radius=1.0, center=(0.3, -2.0)):
    return np.stack([radius * np.cos(polar), radius * np.sin(polar)], axis=-1) + center


def wrapped_normal_error(sigma):
    """E |X| for a normal X wrapped into [-pi, pi], by quadrature."""

    def density(value):
        return sum(norm.pdf(value + 2 * np.pi * turn, scale=sigma) for turn in range(-6, 7))

    return 2 * quad(lambda value: value * density(value), 0, np.pi, limit=200)[0]


@pytest.mark.parametrize("orientation", [1, -1])
@pytest.mark.parametrize("offset", [0.0, 1.0, np.pi, 5.5])
@pytest.mark.parametrize("origin", [0.0, -np.pi, 40.0])
def test_perfect_circle_however_turned_or_counted(orientation, offset, origin):
    angles = even_angles() + origin
    latents = at(orientation * angles + offset, radius=7.0)
    found = polar_regression(latents, angles)
    assert found.mean_absolute_error < 1e-6
    assert found.aligned_error < 1e-6
    assert found.slope == pytest.approx(orientation, abs=1e-6)
    assert found.winding == orientation
    assert found.baseline_error == pytest.approx(CHANCE, rel=1e-3)
    np.testing.assert_allclose(found.center, [0.3, -2.0], atol=1e-9)
    difference = np.exp(1j * found.predict(latents)) - np.exp(1j * angles)
    assert np.abs(difference).max() < 1e-5


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.5, 1.5])
def test_noise_gives_its_own_mean_absolute_value(sigma):
    n = 40_000
    angles = even_angles(n)
    noise = np.random.default_rng(1).normal(scale=sigma, size=n)
    found = polar_regression(at(2.0 - angles + noise), angles)
    expected = wrapped_normal_error(sigma)
    if sigma < 0.6:
        assert expected == pytest.approx(sigma * np.sqrt(2 / np.pi), rel=1e-3)
    assert found.mean_absolute_error == pytest.approx(expected, rel=0.02)
    assert found.aligned_error == pytest.approx(expected, rel=0.02)
    assert found.winding == -1


def test_one_outlier_moves_the_error_by_its_own_share():
    angles = np.sort(even_angles(100))
    polar = angles.copy()
    polar[50] += 3.0
    found = polar_regression(at(polar), angles, center=[0.3, -2.0])
    assert 0.03 < found.mean_absolute_error < 0.11
    assert np.sort(np.abs(found.residuals))[-2] < 0.15


def test_ellipse_has_the_error_of_its_uneven_speed():
    angles = even_angles()
    latents = np.stack([2.0 * np.cos(angles), np.sin(angles)], axis=1)
    polar = np.arctan2(np.sin(angles), 2.0 * np.cos(angles))
    expected = np.abs(np.angle(np.exp(1j * (polar - angles)))).mean()
    found = polar_regression(latents, angles)
    assert found.aligned_error == pytest.approx(expected, rel=1e-6)
    assert 0.8 * expected < found.mean_absolute_error <= 1.001 * expected
    assert found.winding == 1


def test_aligned_error_depends_on_neither_origin():
    angles = even_angles()
    latents = np.stack([2.0 * np.cos(angles) + 0.3 * np.cos(2 * angles), np.sin(angles)], axis=1)
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    first = polar_regression(latents, angles)
    second = polar_regression(latents @ turn.T * 5.0, (angles + 2.0) % (2 * np.pi))
    mirrored = polar_regression(latents * [1.0, -1.0], -angles)
    assert second.aligned_error == pytest.approx(first.aligned_error, rel=1e-9)
    assert mirrored.aligned_error == pytest.approx(first.aligned_error, rel=1e-9)


def test_double_cover_is_no_better_than_chance():
    angles = even_angles()
    for orientation in (2, -2):
        found = polar_regression(at(orientation * angles + 0.4), angles)
        assert found.mean_absolute_error == pytest.approx(CHANCE, rel=1e-3)
        assert found.aligned_error == pytest.approx(CHANCE, rel=1e-3)
        assert found.winding == orientation


def test_noisy_double_cover_is_no_better_than_chance():
    generator = np.random.default_rng(3)
    for _ in range(20):
        angles = generator.uniform(0, 2 * np.pi, 500)
        polar = 2 * angles + generator.normal(scale=0.1, size=500) + generator.uniform(0, 6)
        assert polar_regression(at(polar), angles).mean_absolute_error > 1.3


def test_uninformative_latents_are_no_better_than_chance():
    generator = np.random.default_rng(4)
    for _ in range(20):
        angles = generator.uniform(0, 2 * np.pi, 500)
        assert polar_regression(generator.normal(size=(500, 2)), angles).mean_absolute_error > 1.35


@pytest.mark.parametrize("spread", [0.0, 1e-12])
def test_collapsed_latents_are_no_better_than_chance(spread):
    angles = even_angles()
    latents = 5.0 + spread * np.random.default_rng(0).normal(size=(N, 2))
    found = polar_regression(latents, angles)
    assert found.mean_absolute_error == pytest.approx(CHANCE, abs=0.08)
    assert np.isfinite(found.slope)


def test_one_direction_only_is_a_constant_prediction():
    angles = even_angles()
    found = polar_regression(np.stack([angles + 1.0, 0 * angles], axis=1), angles, center=[0, 0])
    assert found.mean_absolute_error == pytest.approx(CHANCE, rel=1e-3)
    assert (found.slope, found.winding) == (0.0, 0)


def test_straight_line_knows_no_more_than_a_side():
    angles = even_angles()
    found = polar_regression(np.stack([angles, 2 * angles], axis=1), angles)
    assert found.mean_absolute_error == pytest.approx(np.pi / 4, rel=0.01)


def test_figure_eight_runs_backwards_in_one_loop():
    angles = even_angles()
    found = polar_regression(np.stack([np.sin(angles), np.sin(2 * angles)], axis=1), angles)
    assert found.mean_absolute_error > 0.5


def test_crescent_that_never_closes_about_its_centre():
    angles = even_angles()
    polar = 2.6 * np.cos(angles)
    latents = at(polar, radius=1.0 + 0.1 * np.sin(angles))
    found = polar_regression(latents, angles)
    assert found.mean_absolute_error > 0.7
    assert found.winding == 0


def test_centre_outside_the_circle():
    angles = even_angles()
    latents = at(angles, center=(0.0, 0.0))
    found = polar_regression(latents, angles, center=(2.0, 0.0))
    assert found.mean_absolute_error > 0.5
    assert found.aligned_error > 1.0
    assert found.winding == 0
    np.testing.assert_array_equal(found.center, [2.0, 0.0])


def test_circle_centre_corrects_uneven_angles():
    generator = np.random.default_rng(5)
    angles = generator.vonmises(0.0, 1.0, size=N) % (2 * np.pi)
    latents = at(angles + 1.0, radius=3.0)
    by_mean = polar_regression(latents, angles)
    by_circle = polar_regression(latents, angles, center="circle")
    assert by_mean.mean_absolute_error > 0.1
    assert by_circle.mean_absolute_error < 1e-9
    np.testing.assert_allclose(by_circle.center, [0.3, -2.0], atol=1e-9)
    assert by_mean.baseline_error == pytest.approx(by_circle.baseline_error)
    assert by_mean.baseline_error < 1.2


def test_circle_centre_of_a_line_or_a_spot_is_the_mean():
    angles = even_angles(10)
    line = np.stack([angles**2, 2 * angles**2], axis=1)
    center = polar_regression(line, angles, "circle").center
    np.testing.assert_allclose(center, line.mean(axis=0))
    spot = np.ones((10, 2))
    np.testing.assert_allclose(polar_regression(spot, angles, "circle").center, [1.0, 1.0])


def test_predictions_for_other_latents_match_the_fit():
    generator = np.random.default_rng(6)
    angles = generator.uniform(0, 2 * np.pi, 300)
    latents = at(-angles + 0.2 * generator.normal(size=300))
    found = polar_regression(latents, angles)
    residuals = np.angle(np.exp(1j * (found.predict(latents) - angles)))
    np.testing.assert_allclose(residuals, found.residuals, atol=1e-12)
    assert np.abs(residuals).mean() == pytest.approx(found.mean_absolute_error)
    assert found.predict(latents[:1]).shape == (1,)


@pytest.mark.parametrize(
    ("latents", "angles", "message"),
    [
        (np.zeros((5, 3)), np.zeros(5), r"\(n, 2\)"),
        (np.zeros((5, 2)), np.zeros(4), "one angle for each"),
        (np.zeros((5, 2)), np.zeros((5, 1)), "one angle for each"),
        (np.zeros((2, 2)), np.zeros(2), "n >= 3"),
        (np.full((5, 2), np.nan), np.zeros(5), "latents holds NaN"),
        (np.zeros((5, 2)), np.full(5, np.inf), "angles holds NaN"),
        (np.zeros((5, 2)), ["a"] * 5, "angles has the type <U1; expected real numbers"),
        (np.zeros((5, 2)), np.zeros(5) + 1j, "angles has the type complex128"),
    ],
)
def test_bad_arrays_are_refused(latents, angles, message):
    with pytest.raises(DataError, match=message):
        polar_regression(latents, angles)


def test_bad_centres_are_refused():
    latents, angles = np.random.default_rng(0).normal(size=(5, 2)), np.arange(5.0)
    with pytest.raises(ValueError, match="center='median'"):
        polar_regression(latents, angles, center="median")
    for center in ([1.0], [np.nan, 0.0], [1.0, 2.0, 3.0], ["a", "b"]):
        with pytest.raises(DataError, match="center"):
            polar_regression(latents, angles, center=center)
    with pytest.raises(DataError, match=r"\(n, 2\)"):
        polar_regression(latents, angles).predict(np.zeros((2, 3)))
