"""How far a rule moves beta."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hiervae.errors import DataError
from hiervae.plotting.figure_file import save_figure
from hiervae.plotting.style import INK, LABEL_SIZE, TICK_SIZE, new_figure, style_axes
from hiervae.types import Signals
from hiervae.utils.validation import check_increasing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiervae.schedulers.constrained import ConstrainedScheduler

_NUM_POINTS = 121


def beta_update_surface(
    schedulers: Mapping[str, ConstrainedScheduler],
    path: str | os.PathLike[str] | None = None,
    beta_range: tuple[float, float] = (0.01, 1.0),
    violation_range: tuple[float, float] = (-1.0, 1.0),
    title: str = "",
) -> Figure:
    """Draw one update of beta over beta and the violation (Klushyn et al. 2019, Figure 1).

    The paper draws REWO with nu = 1 and tau = 3, and compares it with GECO in its appendix.

    Args:
        schedulers: by name, rules such as REWO and GECO; kappa, alpha and update_every are
            ignored.
        path: also write the figure to this file; the suffix chooses the format.
        beta_range: lowest and highest beta before the update.
        violation_range: lowest and highest violation d of the bound, in the rule's unit: nats
            over the square root of the number of scalars in an example, or as kappa is counted
            where `normalised` is False.
        title: above the panels.

    Returns:
        The figure: a panel a rule with the change of beta in colour, orange where beta rises and
        purple where it falls, on one scale for all, with lines of equal change.

    Raises:
        DataError: if there are no rules, or one has no violation of a bound to follow.
        ValueError: if a range is not increasing, or betas are not positive.
        HiervaeError: if Matplotlib is not installed.
        OSError: if the file cannot be written.

    Example:
        >>> from hiervae.schedulers.geco import GECO
        >>> from hiervae.schedulers.rewo import REWO
        >>> rules = {"REWO": REWO(kappa=1.0), "GECO": GECO(kappa=1.0)}
        >>> figure = beta_update_surface(rules)
    """
    # Reports draw other figures without Keras, which schedulers import.
    from hiervae.schedulers.constrained import ConstrainedScheduler

    if not schedulers:
        raise DataError("schedulers is empty; expected rules by name, such as REWO and GECO.")
    for name, scheduler in schedulers.items():
        if not isinstance(scheduler, ConstrainedScheduler):
            raise DataError(
                f"The rule {name!r} is a {type(scheduler).__name__}; expected one that follows the "
                "violation of a bound, such as REWO(kappa=0.3) or GECO(kappa=0.3)."
            )
    low, high = check_increasing("beta_range", beta_range, (0.01, 1.0))
    if low <= 0.0:
        raise ValueError(f"beta_range={beta_range!r}: expected positive numbers.")
    betas = np.linspace(low, high, _NUM_POINTS)
    violations = np.linspace(*check_increasing("violation_range", violation_range), _NUM_POINTS)
    changes = {
        name: _changes(scheduler, betas, violations) for name, scheduler in schedulers.items()
    }
    largest = max(float(np.abs(change).max()) for change in changes.values()) or 1.0
    figure = new_figure(1.6 + 3.6 * len(changes), 3.8)
    figure.set_layout_engine("constrained")
    if title:
        figure.suptitle(title, fontsize=LABEL_SIZE + 2, color=INK)
    panels = figure.subplots(1, len(changes), sharey=True, squeeze=False)[0]
    for axes, (name, change) in zip(panels, changes.items(), strict=True):
        image = axes.pcolormesh(
            violations, betas, change, cmap="PuOr_r", vmin=-largest, vmax=largest, rasterized=True
        )
        if np.ptp(change) > 0.0:
            lines = axes.contour(violations, betas, change, 8, colors=INK, linewidths=0.6)
            labelled = [height for height in lines.levels if height]  # 0 is a line of its own
            axes.clabel(lines, labelled, fontsize=TICK_SIZE - 1.5, fmt="%.2g")
        axes.axvline(0.0, color=INK, linewidth=1.0, linestyle=(0, (5, 3)))
        style_axes(axes, name, f"violation d = {_violation(schedulers[name])}")
    panels[0].set_ylabel("β before the update", fontsize=LABEL_SIZE, color=INK)
    bar = figure.colorbar(image, ax=list(panels), shrink=0.9)
    bar.set_label("change of β in one update", fontsize=LABEL_SIZE, color=INK)
    bar.ax.tick_params(labelsize=TICK_SIZE, labelcolor=INK)
    return save_figure(figure, path)


def _violation(scheduler: ConstrainedScheduler) -> str:
    """The violation that a rule follows, with its unit."""
    if scheduler.normalised:
        return "(Ĉ - bound) / √D (nats)"
    return "Ĉ/D - κ² (nats per scalar)" if scheduler.per_dimension else "Ĉ - κ² (nats)"


def _changes(
    scheduler: ConstrainedScheduler, betas: NDArray[np.float64], violations: NDArray[np.float64]
) -> NDArray[np.float64]:
    """beta_t - beta_{t-1}, shape (betas, violations)."""
    from keras import ops

    beta, violation = (
        ops.convert_to_tensor(values, dtype="float32")
        for values in np.meshgrid(betas, violations, indexing="ij")
    )
    zero = ops.zeros((), dtype="float32")
    step = ops.full((), float(scheduler.update_every), dtype="float32")
    signals = Signals(step=step, epoch=zero, constraint=zero, kl=zero, num_dimensions=1.0)
    moved = scheduler.step_beta(beta, violation, signals)
    return ops.convert_to_numpy(moved).astype("float64") - ops.convert_to_numpy(beta)
