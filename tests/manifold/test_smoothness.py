import numpy as np
import pytest

from hiervae.errors import DataError, NoPathError
from hiervae.manifold import LatentGraph, smoothness, smoothness_profile


def test_straight_line_in_equal_steps_is_zero():
    line = np.linspace(0, 3, 20)[:, None, None] * np.array([[1.0, -2.0, 0.5]])
    np.testing.assert_allclose(smoothness(line), np.zeros((1, 3)), atol=1e-14)


def test_full_circle_has_its_closed_form():
    # The second difference of cos over a step h is -4 sin^2(h/2) cos.
    h = 2 * np.pi / 50
    angle = h * np.arange(52)
    expected = 4 * np.sin(h / 2) ** 2 / np.sqrt(2)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    np.testing.assert_allclose(smoothness(circle), [expected, expected], rtol=1e-12)


def test_parabola_and_single_jump():
    t = np.arange(7.0)
    jump = np.where(t > 2, 1.0, 0.0)
    found = smoothness(np.stack([t**2, jump], axis=1))
    np.testing.assert_allclose(found, [2.0, np.sqrt(2 / 5)])


@pytest.mark.parametrize("decoded", [np.zeros((2, 3)), np.zeros((0, 3)), 1.0])
def test_short_paths_are_refused(decoded):
    with pytest.raises(DataError, match="at least three"):
        smoothness(decoded)


@pytest.mark.parametrize("decoded", [["a", "b", "c"], [1j, 2, 4]])
def test_what_is_no_real_number_is_refused(decoded):
    with pytest.raises(DataError, match="decoded has the type .*; expected real numbers"):
        smoothness(decoded)


def test_a_list_of_images_is_a_path():
    images = [np.full((2, 3), t**2) for t in range(5)]
    np.testing.assert_allclose(smoothness(images), np.full((2, 3), 2.0))


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="NaN"):
        smoothness([[0.0], [np.nan], [1.0]])


def test_profile_is_mean_and_deviation_over_all_paths(circle_model):
    x = circle_model.at(*np.linspace(0, 6, 30))
    options = {"num_nodes": 200, "num_neighbors": 5}
    profile = smoothness_profile(circle_model, x, num_graphs=3, num_pairs=4, seed=9, **options)
    assert circle_model.encode_calls == 3

    generator = np.random.default_rng(9)
    factors, short = [], 0
    for _ in range(3):
        graph = LatentGraph.from_prior(circle_model, seed=int(generator.integers(2**31)), **options)
        for a, b in [generator.choice(30, 2, replace=False) for _ in range(4)]:
            path = graph.interpolate(x[a], x[b])
            if len(path) < 3:
                short += 1
            else:
                factors.append(smoothness(path.decoded))
    assert (profile.num_paths, profile.num_short) == (len(factors), short)
    assert profile.num_unreachable == 0
    np.testing.assert_allclose(profile.mean, np.mean(factors, axis=0), rtol=1e-12)
    np.testing.assert_allclose(profile.std, np.std(factors, axis=0), rtol=1e-12)


def test_profile_counts_what_it_leaves_out(circle_model):
    x = circle_model.at(*np.linspace(0, 6, 30))
    sparse = smoothness_profile(
        circle_model, x, num_graphs=4, num_pairs=10, num_nodes=40, num_neighbors=2
    )
    assert sparse.num_unreachable > 0
    assert sparse.num_paths + sparse.num_unreachable + sparse.num_short == 40
    with pytest.raises(NoPathError, match="None of 6 pairs"):
        smoothness_profile(circle_model, x[:1].repeat(2, axis=0), 2, 3, num_nodes=40)


def test_profile_arguments(circle_model):
    x = circle_model.at(0.0, 1.0)
    with pytest.raises(DataError, match="two examples"):
        smoothness_profile(circle_model, x[:1])
    with pytest.raises(ValueError, match="num_pairs"):
        smoothness_profile(circle_model, x, num_pairs=0)
    with pytest.raises(ValueError, match="num_graphs"):
        smoothness_profile(circle_model, x, num_graphs=1.5)
    with pytest.raises(ValueError, match="seed=-1: expected None or an integer from 0"):
        smoothness_profile(circle_model, x, seed=-1)
