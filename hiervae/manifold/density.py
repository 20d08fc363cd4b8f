"""How much mass the prior has along a path."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.manifold.path import Path

FloatArray = NDArray[np.float64]
LogDensity = Callable[[FloatArray], ArrayLike]
"""Log-density in nats, shape (m,), of latents (m, d)."""

EXCLUDED_MASS = 0.01
"""Share of the prior's samples, the least dense, that lie where it has next to no mass."""

_MAX_SAMPLES = 1000
_POINTS_A_STEP = 4


def density_floor(log_density: LogDensity, samples: FloatArray) -> float:
    """Return the log-density that all but 1 % of the prior's samples exceed, in nats.

    What lies below is outside the region of highest density that holds 99 % of the mass.

    Args:
        log_density: of the prior, or an estimate.
        samples: of the prior, shape (n, d); the first 1000 are judged.
    """
    values = np.asarray(log_density(samples[:_MAX_SAMPLES]), dtype=np.float64)
    return float(np.quantile(values, EXCLUDED_MASS))


def points_along(latents: FloatArray) -> FloatArray:
    """Return points on the straight steps of a path, four a step and the end, (4 (n - 1) + 1, d).

    Args:
        latents: the path's positions, shape (n, d), n >= 2.
    """
    weights = np.arange(_POINTS_A_STEP)[:, None] / _POINTS_A_STEP
    steps = np.diff(latents, axis=0)
    inner = (latents[:-1, None] + weights * steps[:, None]).reshape(-1, latents.shape[1])
    return np.concatenate([inner, latents[-1:]])


def lowest_log_densities(log_density: LogDensity, paths: Sequence[FloatArray]) -> list[float]:
    """Return the lowest log-density at `points_along` each path (n, d), in nats; one call."""
    points = [points_along(path) for path in paths]
    values = np.asarray(log_density(np.concatenate(points)), dtype=np.float64)
    cuts = np.cumsum([len(part) for part in points])[:-1]
    return [float(part.min()) for part in np.split(values, cuts)]


def warn_of_low_mass(paths: Sequence[Path], prune_fraction: float, num_nodes: int) -> None:
    """Warn if paths go through regions of next to no mass."""
    astray = [path for path in paths if path.leaves_mass]
    if not astray:
        return
    lowest = min(path.lowest_log_density or 0.0 for path in astray)
    who = "The path goes" if len(paths) == 1 else f"{len(astray)} of {len(paths)} paths go"
    warnings.warn(
        f"{who} where the prior has next to no mass: the log-density falls to {lowest:.1f} "
        f"nats, and 99 % of the prior's samples have more than {astray[0].density_floor:.1f}. "
        "Frames there may look like none of the data. Raise prune_fraction (now "
        f"{prune_fraction:g}) or num_nodes (now {num_nodes}), or choose other ends.",
        stacklevel=4,
    )
