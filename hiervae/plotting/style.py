"""Colours and figures that the pictures share."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hiervae.errors import HiervaeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

INK = "#2b2b2b"
MUTED = "#707070"
GRID = "#e4e4e4"
BLUE = "#1f6fb2"
ORANGE = "#d9730d"
RED = "#c8102e"

TITLE_SIZE = 11
LABEL_SIZE = 9.5
TICK_SIZE = 8.5

# Paul Tol's "muted" scheme, distinguishable with every common colour blindness.
CATEGORIES = (
    "#332288",
    "#cc6677",
    "#117733",
    "#ddaa33",
    "#88ccee",
    "#882255",
    "#44aa99",
    "#999933",
    "#aa4499",
    "#777777",
)

# Of paths over blue edges, also from Tol's scheme.
PATHS = (RED, "#117733", "#ddaa33", "#aa4499")

# Warm on one side and cool on the other, dark at one end and light at the other, so that an angle
# can be read without telling red from green; no colour fades into a white page.
_ANGLE_COLORS = ("#2a1e6b", "#b0366a", "#e8a33a", "#9fc9a5", "#3a93b8", "#2a1e6b")


def matplotlib_module(name: str) -> Any:
    """The module `matplotlib.<name>`.

    Raises:
        HiervaeError: if Matplotlib is not installed.
    """
    try:
        return import_module(f"matplotlib.{name}")
    except ImportError as error:
        raise HiervaeError(
            f"Drawing pictures needs Matplotlib, which cannot be imported ({error}). "
            'Install it with: pip install "hiervae[monitoring]"'
        ) from error


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, independent of pyplot."""
    figure: Figure = matplotlib_module("figure").Figure(figsize=(width, height), dpi=150)
    return figure


def angle_colormap() -> Colormap:
    """A cyclic colour map for angles over one turn."""
    return _colormap("hiervae_angle", _ANGLE_COLORS)


def edge_colormap() -> Colormap:
    """Blues from short to long edges, none so light that it vanishes."""
    return _colormap("hiervae_edges", ("#c9dcee", "#6ba3d0", "#1f6fb2", "#0b3c73"))


def grey_colormap() -> Colormap:
    """From a grey that still shows on white to black."""
    return _colormap("hiervae_greys", ("#cccccc", "#000000"))


def _colormap(name: str, colors: tuple[str, ...]) -> Colormap:
    made: Colormap = matplotlib_module("colors").LinearSegmentedColormap.from_list(name, colors)
    return made


def style_axes(axes: Axes, title: str = "", x_label: str = "", y_label: str = "") -> None:
    """Give axes their title, labels and the common look."""
    axes.set_title(title, fontsize=TITLE_SIZE, color=INK)
    axes.set_xlabel(x_label, fontsize=LABEL_SIZE, color=INK)
    axes.set_ylabel(y_label, fontsize=LABEL_SIZE, color=INK)
    axes.tick_params(which="both", labelsize=TICK_SIZE, colors=MUTED, labelcolor=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)


def check_distinct(name: str, count: int) -> None:
    """Refuse more models in one picture than there are colours.

    Args:
        name: of the argument that holds them.
        count: their number.

    Raises:
        ValueError: if there are more.
    """
    if count > len(CATEGORIES):
        raise ValueError(
            f"{name} holds {count} models; at most {len(CATEGORIES)} can be told apart. Draw fewer "
            "in one figure."
        )
