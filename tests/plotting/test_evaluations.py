"""Figures of what `hiervae.evaluation` measures."""

import numpy as np
import pytest

from hiervae import evaluation, plotting
from hiervae.errors import DataError
from hiervae.evaluation import Disentanglement, KLHistory, PrincipalComponents, RateDistortion
from hiervae.manifold import SmoothnessProfile

RANDOM = np.random.default_rng(0)


def level(units, num=30):
    return PrincipalComponents(
        RANDOM.normal(size=(num, units)), np.eye(units), np.zeros(units), np.full(units, 0.4)
    )


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_components_have_a_panel_per_level_and_one_legend(tmp_path):
    levels, digits = [level(2), level(1)], np.arange(30) % 3
    figure = plotting.latent_pca(levels, digits, tmp_path / "pca.png", value_label="digit")
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["level 1", "level 2"]
    assert first.get_xlabel() == "component 1, 40%"
    drawn = np.sort(first.collections[0].get_offsets(), axis=0)
    np.testing.assert_allclose(drawn, np.sort(levels[0].scores, axis=0))
    assert not np.any(second.collections[0].get_offsets()[:, 1])
    assert texts(figure.legends[0]) == ["0", "1", "2"]
    assert len(figure.legends) == 1
    assert (tmp_path / "pca.png").stat().st_size
    with pytest.raises(DataError, match="levels is empty"):
        plotting.latent_pca([])


def test_numbers_have_one_scale_for_all_panels():
    figure = plotting.latent_pca([level(2), level(2)], RANDOM.normal(size=30))
    assert len(figure.axes) == 3


def test_log_likelihoods_are_drawn_as_counted():
    scores = {"a": RANDOM.normal(-90, 10, 500), "b": RANDOM.normal(-85, 10, 400)}
    histogram = evaluation.log_likelihood_histogram(scores, 20)
    (axes,) = plotting.log_likelihood_histogram(histogram).axes
    for patch, counts in zip(axes.patches, histogram.counts.values(), strict=True):
        np.testing.assert_array_equal(patch.get_data().values, counts)
        np.testing.assert_array_equal(patch.get_data().edges, histogram.edges)
    assert axes.get_xlabel() == "log p(x) (nats)"
    assert texts(axes.get_legend())[0] == f"a: mean {scores['a'].mean():.2f}"
    many = {str(name): [0.0, 1.0] for name in range(11)}
    with pytest.raises(ValueError, match="at most 10 can be told apart"):
        plotting.log_likelihood_histogram(evaluation.log_likelihood_histogram(many))


def test_lines_of_equal_elbo_go_through_the_models():
    points = {"a": RateDistortion(20.0, 70.0, {}), "b": RateDistortion(5.0, 90.0, {})}
    (axes,) = plotting.rate_distortion(points).axes
    for line, collection, point in zip(axes.lines, axes.collections, points.values(), strict=True):
        assert collection.get_offsets().tolist() == [[point.rate, point.distortion]]
        np.testing.assert_allclose(line.get_xdata() + line.get_ydata(), -point.elbo)
    assert texts(axes.get_legend()) == ["a: ELBO -90.0", "b: ELBO -95.0"]
    with pytest.raises(DataError, match="points is empty"):
        plotting.rate_distortion({})


def test_history_is_sorted_by_use_at_the_end(tmp_path):
    units = np.array([[5.0, 1.0, 0.001], [2.0, 3.0, 0.0]])
    history = KLHistory(
        np.array([10.0, 30.0]),
        {"kl_1": units.sum(axis=1), "kl_2": np.array([4.0, 6.0])},
        {"kl_1": units},
    )
    figure = plotting.kl_history(history, tmp_path / "kl.png")
    top, bottom = (axes for axes in figure.axes if axes.get_title())
    assert (top.get_title(), bottom.get_title()) == ("level 2", "level 1")
    cells = bottom.collections[0].get_array().reshape(3, 2)
    np.testing.assert_array_equal(cells, [[1.0, 3.0], [5.0, 2.0], [0.01, 0.01]])
    np.testing.assert_array_equal(top.collections[0].get_array().ravel(), [4.0, 6.0])
    assert top.get_ylabel() == "whole term"
    assert bottom.get_xlim() == (0.0, 40.0)
    assert bottom.get_xlabel() == "training step"
    assert (tmp_path / "kl.png").stat().st_size


def test_one_moment_can_be_drawn_and_none_cannot():
    one = KLHistory(np.array([10.0]), {"kl_1": np.array([4.0])}, {})
    assert plotting.kl_history(one).axes[0].get_xlim() == (9.5, 10.5)
    with pytest.raises(DataError, match="no moments"):
        plotting.kl_history(KLHistory(np.array([]), {}, {}))


def test_information_is_drawn_as_a_share_of_the_entropy():
    information, entropies = np.array([[0.5, 0.0], [0.1, 1.0]]), np.array([1.0, 2.0])
    zeros = np.zeros(2)
    result = Disentanglement(information, entropies, 0.4, zeros, zeros, zeros)
    axes = plotting.disentanglement(result, factors=["slant", "width"]).axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0.5, 0.0], [0.1, 0.5]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["slant", "width"]
    assert "MIG 0.40" in axes.get_title()
    with pytest.raises(DataError, match="units has 1 names; expected 2, or none"):
        plotting.disentanglement(result, units=["a"])


def test_smoothness_has_error_bars_by_part():
    mean, std = np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.3])
    profiles = {name: SmoothnessProfile(mean * k, std, 9, 0, 0) for k, name in enumerate("ab", 1)}
    figure = plotting.smoothness(profiles, groups={"arm": 1, "leg": 2}, x_label="joint")
    (axes,) = figure.axes
    for k, container in enumerate(axes.containers, 1):
        line, _, (bars,) = container.lines
        np.testing.assert_allclose(line.get_ydata(), k * mean)
        lengths = [segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]
        np.testing.assert_allclose(lengths, 2 * std)
    assert [text.get_text() for text in axes.texts] == ["arm", "leg"]
    assert texts(figure.legends[0]) == ["a: mean 2", "b: mean 4"]
    with pytest.raises(DataError, match="2 dimensions together; expected 3"):
        plotting.smoothness(profiles, groups={"arm": 2})
    with pytest.raises(DataError, match=r"sizes \[\]"):
        plotting.smoothness({})
