import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

from hiervae.errors import DataError
from hiervae.manifold import LatentGraph
from hiervae.plotting import latent_space
from hiervae.plotting.style import CATEGORIES, PATHS, RED

POINTS = np.random.default_rng(0).normal(size=(60, 2))
ANGLES = np.random.default_rng(1).uniform(-10, 10, size=60)


def test_plain_points():
    figure = latent_space(POINTS, title="q(z)")
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), POINTS)
    assert (axes.get_title(), axes.get_aspect()) == ("q(z)", 1.0)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("unit 1", "unit 2")
    (axes,) = latent_space(POINTS, axis_labels=("level 1", "level 2")).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("level 1", "level 2")


def test_categories_have_their_colours_and_a_legend():
    labels = np.random.default_rng(2).choice(["leg", "arm", "torso"], size=60)
    figure = latent_space(POINTS, labels, value_label="part")
    scatter = figure.axes[0].collections[0]
    order = {"arm": 0, "leg": 1, "torso": 2}
    colors = {tuple(xy): color for xy, color in zip(POINTS, labels, strict=True)}
    for xy, color in zip(scatter.get_offsets(), scatter.get_facecolors(), strict=True):
        assert tuple(color) == to_rgba(CATEGORIES[order[colors[tuple(xy)]]])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["arm", "leg", "torso"]
    assert legend.get_title().get_text() == "part"


def test_few_integers_are_categories_and_many_are_numbers():
    assert latent_space(POINTS, np.arange(60) % 10).legends
    many = latent_space(POINTS, np.arange(60))
    assert not many.legends
    np.testing.assert_array_equal(many.axes[0].collections[0].get_array(), np.arange(60))
    with pytest.raises(ValueError, match="60 categories"):
        latent_space(POINTS, np.arange(60), kind="category")


def test_angles_wrap_around_a_cyclic_scale():
    figure = latent_space(POINTS, ANGLES, kind="angle", value_label="joint angle")
    scatter = figure.axes[0].collections[0]
    np.testing.assert_allclose(scatter.get_array(), np.mod(ANGLES, 2 * np.pi))
    assert scatter.get_clim() == (0.0, 2 * np.pi)
    np.testing.assert_allclose(scatter.cmap(0.0), scatter.cmap(1.0), atol=1e-6)
    assert figure.axes[1].get_ylabel() == "joint angle"


def test_numbers_have_a_scale():
    figure = latent_space(POINTS, ANGLES, value_label="speed")
    np.testing.assert_array_equal(figure.axes[0].collections[0].get_array(), ANGLES)
    assert figure.axes[1].get_ylabel() == "speed"


def test_density_counts_every_point():
    cells = latent_space(POINTS, kind="density").axes[0].collections[0]
    assert cells.get_array().sum() == len(POINTS)


def test_graph_and_path_lie_over_the_points(tmp_path):
    graph = LatentGraph.from_latents(POINTS, num_neighbors=8)
    path = graph.interpolate_latents([-1.5, -1.0], [1.5, 1.0])
    figure = latent_space(None, graph=graph, interpolations=path, path=tmp_path / "graph.png")
    axes = figure.axes[0]
    (edges,) = (entry for entry in axes.collections if isinstance(entry, LineCollection))
    assert sorted(edges.get_array()) == sorted(graph.weights)
    segments = np.array(edges.get_segments())
    lengths = np.linalg.norm(segments[:, 0] - segments[:, 1], axis=1)
    np.testing.assert_allclose(lengths, edges.get_array())
    assert (np.diff(edges.get_array()) <= 0).all()
    red = [line for line in axes.lines if line.get_color() == RED]
    np.testing.assert_array_equal(red[0].get_xydata(), path.latents)
    assert figure.axes[1].get_ylabel() == "edge weight"
    x_limits, y_limits = axes.get_xlim(), axes.get_ylim()
    assert x_limits[0] < POINTS[:, 0].min() < POINTS[:, 0].max() < x_limits[1]
    assert y_limits[0] < POINTS[:, 1].min() < POINTS[:, 1].max() < y_limits[1]
    both = latent_space(POINTS, ANGLES, kind="angle", graph=graph, interpolations=[path, path])
    drawn = [line.get_color() for line in both.axes[0].lines if line.get_color() in PATHS]
    assert drawn == list(PATHS[:2])


def test_names_of_paths_are_in_the_legend_in_their_colours():
    graph = LatentGraph.from_latents(POINTS, num_neighbors=8)
    paths = [graph.interpolate_latents([-1.5, -1.0], [x, 1.0]) for x in (1.5, 0.5)]
    names = ["to the right", "to the middle"]
    figure = latent_space(None, graph=graph, interpolations=paths, path_names=names)
    (legend,) = figure.legends
    shown = {
        text.get_text(): handle.get_color()
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
    }
    assert {name: shown[name] for name in names} == dict(zip(names, PATHS, strict=False))
    for path, color in zip(paths, PATHS, strict=False):
        (line,) = (each for each in figure.axes[0].lines if each.get_color() == color)
        np.testing.assert_array_equal(line.get_xydata(), path.latents)
    (legend,) = latent_space(POINTS, interpolations=paths, path_names=names).legends
    assert [text.get_text() for text in legend.get_texts()] == ["posterior means", *names]
    with pytest.raises(ValueError, match="1 names for 2 interpolations; give one for each"):
        latent_space(None, graph=graph, interpolations=paths, path_names=["one"])


def test_the_legend_shows_posterior_means_in_the_colour_they_are_drawn_in():
    graph = LatentGraph.from_latents(POINTS, num_neighbors=8)
    path = graph.interpolate_latents([-1.5, -1.0], [1.5, 1.0])
    for under in (None, graph):
        figure = latent_space(POINTS, graph=under, interpolations=[path])
        (handle, _) = figure.legends[0].legend_handles
        drawn = figure.axes[0].collections[0 if under is None else 1]
        np.testing.assert_allclose(drawn.get_facecolors()[0, :3], to_rgba(handle.get_color())[:3])
    (legend,) = latent_space(POINTS, kind="density", interpolations=[path]).legends
    assert [text.get_text() for text in legend.get_texts()] == ["path"]


def test_each_of_many_paths_has_a_look_of_its_own():
    graph = LatentGraph.from_latents(POINTS, num_neighbors=8)
    paths = [graph.interpolate_latents([-1.5, -1.0], [x, 1.0]) for x in np.linspace(-1, 1.5, 7)]
    figure = latent_space(None, graph=graph, interpolations=paths, path_names=["a walk"] * 7)
    (legend,) = figure.legends
    shown = [(line.get_color(), line.get_marker()) for line in legend.legend_handles]
    assert len(set(shown)) == 7
    for path, look in zip(paths, shown, strict=True):
        lines = [
            line for line in figure.axes[0].lines if (line.get_color(), line.get_marker()) == look
        ]
        np.testing.assert_array_equal(lines[0].get_xydata(), path.latents)
        assert len(lines) == 1


@pytest.mark.parametrize(
    "points", [np.zeros((1, 2)), np.ones((5, 2)), np.c_[np.arange(5.0), np.ones(5)]]
)
def test_degenerate_clouds_are_drawn(points, tmp_path):
    latent_space(points, path=tmp_path / "points.png")


def test_objects_may_be_text():
    names = np.array(["arm", "leg"], dtype=object)[np.arange(60) % 2]
    (legend,) = latent_space(POINTS, names).legends
    assert [text.get_text() for text in legend.get_texts()] == ["arm", "leg"]


def test_bad_arguments():
    with pytest.raises(DataError, match="values holds text beside None"):
        latent_space(POINTS, np.array(["a", None] * 30, dtype=object), kind="category")
    with pytest.raises(DataError, match="3 dimensions; only two"):
        latent_space(np.zeros((5, 3)))
    with pytest.raises(DataError, match="latents holds NaN"):
        latent_space(np.full((5, 2), np.nan))
    with pytest.raises(DataError, match=r"values has shape \(5,\)"):
        latent_space(POINTS, np.zeros(5))
    with pytest.raises(DataError, match="values holds NaN"):
        latent_space(POINTS, np.full(60, np.nan))
    with pytest.raises(DataError, match="latents is None"):
        latent_space(None)
    with pytest.raises(DataError, match="graph has 3 dimensions"):
        latent_space(None, graph=LatentGraph.from_latents(np.eye(3), 1))
    with pytest.raises(ValueError, match="kind='rainbow'"):
        latent_space(POINTS, kind="rainbow")
    with pytest.raises(ValueError, match="needs values"):
        latent_space(POINTS, kind="angle")
    with pytest.raises(ValueError, match="takes no values"):
        latent_space(POINTS, ANGLES, kind="density")
