"""Two-dimensional latent spaces."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hiervae.errors import DataError
from hiervae.manifold.latent_graph import LatentGraph
from hiervae.manifold.path import Path
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.interpolation_strip import mass_caution
from hiervae.plotting.points import (
    FloatArray,
    add_scale,
    as_plane_points,
    draw_points,
    plain_color,
)
from hiervae.plotting.style import (
    LABEL_SIZE,
    MUTED,
    PATHS,
    edge_colormap,
    matplotlib_module,
    new_figure,
    style_axes,
)
from hiervae.utils.validation import check_choice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = ("o", "s", "^", "D")
_KINDS = ("auto", "category", "angle", "number", "density")


def latent_space(
    latents: ArrayLike | None,
    values: ArrayLike | None = None,
    path: str | os.PathLike[str] | None = None,
    kind: str = "auto",
    graph: LatentGraph | None = None,
    interpolations: Path | Sequence[Path] = (),
    value_label: str = "",
    title: str = "",
    path_names: Sequence[str] = (),
    axis_labels: tuple[str, str] = ("unit 1", "unit 2"),
) -> Figure:
    """Draw a two-dimensional latent space, with a graph and paths over it where given.

    Together with a graph and a path this is Figure 3 of Klushyn et al. (2019): edges in blue, the
    longer the darker, and the interpolation in red; several have a colour each. Nodes that the
    graph leaves out of its paths are grey crosses, and the title says so if a path goes where the
    prior has next to no mass.

    Args:
        latents: posterior means or prior samples, shape (n, 2); None draws the graph alone.
        values: one for each latent, shape (n,): labels, angles in radians, or other numbers.
        path: also write the figure to this file; the suffix chooses the format.
        kind: how to read `values`: "category", "angle" or "number"; "density" counts latents in
            cells instead and takes no values. "auto" takes up to ten different integers, booleans
            or strings as categories and other values as numbers.
        graph: a graph in two dimensions.
        interpolations: paths through it.
        value_label: name of `values`, beside their colours.
        title: above the axes.
        path_names: one for each of `interpolations`, for the legend; none numbers them.
        axis_labels: what the two dimensions are.

    Returns:
        The figure.

    Raises:
        DataError: if an array has the wrong shape or is not finite, or nothing is given to draw.
        ValueError: if `kind` does not fit, or `path_names` are not as many as the paths.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.
    """
    check_choice("kind", kind, _KINDS)
    if latents is None and (graph is None or values is not None):
        raise DataError("latents is None; give latents of shape (n, 2), or a graph and no values.")
    paths = [interpolations] if isinstance(interpolations, Path) else list(interpolations)
    if path_names and len(path_names) != len(paths):
        raise ValueError(
            f"path_names holds {len(path_names)} names for {len(paths)} interpolations; "
            "give one for each, or none."
        )
    routes = [as_plane_points("an interpolation", route.latents) for route in paths]
    looks = [_look_of(index) for index in range(len(routes))]
    points = None if latents is None else as_plane_points("latents", latents)
    nodes = None if graph is None else as_plane_points("graph", graph.nodes)
    drawn = np.concatenate([part for part in (points, nodes, *routes) if part is not None])

    width, height = np.ptp(drawn, axis=0)
    aspect = float(np.clip(height / width, 0.55, 1.25)) if width > 0 else 1.0
    figure = new_figure(5.8, 0.8 + 4.0 * aspect)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    lines = [line for line in (title, mass_caution(paths)) if line]
    style_axes(axes, "\n".join(lines), *axis_labels)
    axes.set_aspect("equal", adjustable="datalim")
    if graph is not None and nodes is not None:
        _draw_edges(axes, nodes, graph)
        _draw_pruned(axes, nodes[~graph.walkable])
    if points is not None:
        draw_points(axes, points, values, kind, value_label, faint=graph is not None)
    for route, look in zip(routes, looks, strict=True):
        _draw_route(axes, route, look)
    if graph is not None or routes:
        numbered = [f"path {number}" for number in range(1, len(routes) + 1)]
        unnamed = ["path"] if len(routes) == 1 else numbered
        names = list(zip(path_names or unnamed, looks, strict=True))
        plain = points is not None and values is None and kind != "density"
        _draw_legend(figure, plain, graph, names)
    axes.autoscale_view()
    return save_figure(figure, path)


def _draw_edges(axes: Axes, nodes: FloatArray, graph: LatentGraph) -> None:
    """Edges in blue by length, with their scale."""
    order = np.argsort(graph.weights)[::-1]  # short edges on top
    lines = matplotlib_module("collections").LineCollection(
        nodes[graph.edges[order]],
        array=graph.weights[order],
        cmap=edge_colormap(),
        linewidths=0.6,
        zorder=1,
    )
    axes.add_collection(lines)
    add_scale(axes, lines, "edge weight")


def _draw_pruned(axes: Axes, points: FloatArray) -> None:
    """Crosses at the nodes that no path visits."""
    if len(points):
        axes.scatter(
            points[:, 0], points[:, 1], s=14, color=MUTED, marker="x", linewidths=0.9, zorder=3
        )


def _look_of(index: int) -> dict[str, Any]:
    """How the path of an index is drawn: colours repeat after a while, with another marker."""
    marker = _MARKERS[index // len(PATHS) % len(_MARKERS)]
    return {"color": PATHS[index % len(PATHS)], "marker": marker, "linewidth": 1.8}


def _draw_legend(
    figure: Figure,
    has_plain_points: bool,
    graph: LatentGraph | None,
    routes: Sequence[tuple[str, dict[str, Any]]],
) -> None:
    """What is drawn, below the axes; of the routes name and look."""
    lines = matplotlib_module("lines")
    entries: list[tuple[str, dict[str, Any]]] = []
    if has_plain_points:
        # Opaque, since means that lie over one another are.
        color = plain_color(graph is not None)
        means = {"color": color, "marker": "o", "markersize": 4, "linestyle": ""}
        entries.append(("posterior means", means))
    entries.extend((name, {**look, "markersize": 4}) for name, look in routes)
    if graph is not None and not graph.walkable.all():
        name = f"{int((~graph.walkable).sum())} of {graph.num_nodes} nodes left out"
        entries.append((name, {"color": MUTED, "marker": "x", "markersize": 5, "linestyle": ""}))
    if entries:
        figure.legend(
            [lines.Line2D([], [], **look) for _, look in entries],
            [name for name, _ in entries],
            loc="outside lower center",
            ncols=min(len(entries), 3),
            fontsize=LABEL_SIZE,
            frameon=False,
            handletextpad=0.4,
        )


def _draw_route(axes: Axes, points: FloatArray, look: dict[str, Any]) -> None:
    """A line through its nodes, with larger ends."""
    axes.plot(points[:, 0], points[:, 1], color="white", linewidth=3.6, zorder=4)
    axes.plot(points[:, 0], points[:, 1], **look, markersize=2.6, zorder=5)
    axes.scatter(
        points[[0, -1], 0],
        points[[0, -1], 1],
        s=46,
        color=look["color"],
        marker=look["marker"],
        edgecolors="white",
        linewidths=1.0,
        zorder=6,
    )
