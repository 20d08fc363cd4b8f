"""What one stochastic level of a model means, in pictures."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hiervae.utils.validation import (
    check_choice,
    check_natural,
    check_positive_int,
    check_positive_number,
)

if TYPE_CHECKING:
    from hiervae.distributions import DiagonalNormal
    from hiervae.model import HierarchicalVAE

Latents = NDArray[np.float32]

OTHERS = ("fresh", "held")
GRID_SIZE = 20
NUM_REDRAWS = 10
LIMIT = 2.0


@dataclass(frozen=True)
class TraversalSettings:
    """How a level is traversed.

    Attributes:
        num: rows and columns.
        limit: ends of the grid; None for a level that has none.
        others: "held" or "fresh".
    """

    num: int
    limit: float | None
    others: str


def default_settings(model: HierarchicalVAE, level: int) -> TraversalSettings:
    """How `traversal` shows a level where nothing else is asked for.

    Args:
        model: a built model.
        level: number of the level, from 1 (nearest the data) to L.

    Raises:
        ValueError: if there is no such level.
    """
    dim = model.latent_dims[check_level(model, level) - 1]
    return TraversalSettings(
        num=GRID_SIZE if dim == 2 else NUM_REDRAWS,
        limit=LIMIT if dim <= 2 else None,
        others="fresh" if _is_flat(model) and dim == 2 else "held",
    )


def traversal(
    model: HierarchicalVAE,
    level: int,
    num: int | None = None,
    limit: float = LIMIT,
    others: str | None = None,
    seed: int = 0,
) -> NDArray[Any]:
    """Decode what happens when one level changes (Zhao et al. 2017, Figures 5 to 7).

    How depends on the size of the level, the number of its values:

    * two dimensions: a grid over [-limit, limit]^2, the first dimension from left to right, the
      second from the bottom row to the top row;
    * one dimension: every row runs from -limit to limit, from left to right;
    * more: every cell has a draw of the level of its own.

    And on the structure. Where the prior governs the level (any level of a flat structure, the top
    of a stacked one), the grid is over the latent itself and draws are the prior's. They are
    draws of the marginal: where a prior ties the levels of a flat structure together, they are
    not conditioned on the other levels. Below the top of a stacked structure, the level is
    mean + standard deviation * u of its conditional prior given the levels above, with u in the
    grid or standard normal.

    The other levels are "held": of a flat structure they are one draw of the prior for a
    two-dimensional grid, and one a row otherwise. Of a stacked structure this is how the levels
    above are held; the levels below are at the means of their conditional priors, which follow
    the level. Or they are "fresh": all of them are drawn anew in every cell.

    Args:
        model: a built model.
        level: number of the level, from 1 (nearest the data) to L.
        num: rows and columns; 20 for a two-dimensional level, otherwise 10.
        limit: ends of the grid; ignored for levels of more than two dimensions.
        others: "held" or "fresh". By default "fresh" for two-dimensional levels of a flat
            structure, as in the paper, which shows what the level governs whatever the others
            are, and "held" otherwise.
        seed: of the draws.

    Returns:
        Means of the likelihood, shape (rows, columns, *event_shape), the top row first; there is
        one row alone where all would be alike.

    Raises:
        ValueError: if there is no such level, an option is wrong, or the model is not built; or if
            a level of more than two dimensions is to be traversed with the others fresh, which are
            plain samples.
        NotImplementedError: if a plugin's stacked scheme does not tell its conditional priors.

    Example:
        >>> import hiervae
        >>> model = hiervae.HierarchicalVAE(latent_dims=(3, 2), inference="ladder", seed=0)
        >>> model.build((None, 8, 8))
        >>> traversal(model, level=2, num=4).shape
        (4, 4, 8, 8)
    """
    number = check_level(model, level)
    dim = model.latent_dims[number - 1]
    flat, default = _is_flat(model), default_settings(model, number)
    columns = default.num if num is None else check_positive_int("num", num)
    limit = check_positive_number("limit", limit)
    seed = check_natural("seed", seed)
    others = default.others if others is None else others
    fresh = check_choice("others", others, OTHERS) == "fresh"
    if fresh and dim > 2:
        raise ValueError(
            f"others='fresh' for level {number} of {dim} dimensions: expected others='held', since "
            "with every level drawn anew these are the samples of `model.sample`."
        )
    top_held = not flat and number == model.num_levels and not fresh
    alike = dim == 1 and (model.num_levels == 1 or top_held)
    rows = 1 if alike else columns
    cells = rows * columns
    num_draws = cells if fresh else 1 if dim == 2 else rows
    # Of each cell, which draw of the other levels it has.
    owner = np.repeat(np.arange(num_draws), cells // num_draws)
    values = _grid(dim, rows, columns, limit)
    if values is not None:
        values = values.reshape(cells, *model.latent_shapes[number - 1])
    if flat:
        latents = _flat_latents(model, number, values, owner, seed)
    else:
        latents = _stacked_latents(model, number, values, owner, fresh, seed)
    images = model.decode(latents)
    return images.reshape(rows, columns, *images.shape[1:])


def check_level(model: HierarchicalVAE, level: Any) -> int:
    """`level` if it is the number of one of the model's levels.

    Raises:
        ValueError: if it is not.
    """
    is_number = isinstance(level, numbers.Integral) and not isinstance(level, bool)
    if not is_number or not 1 <= level <= model.num_levels:
        raise ValueError(
            f"level={level!r}: expected a number from 1 (nearest the data) to {model.num_levels}, "
            f"for the model's levels of shapes {model.latent_shapes}."
        )
    return int(level)


def _is_flat(model: HierarchicalVAE) -> bool:
    """Whether the prior governs all of several levels."""
    return len(model.inference.governed(model.latent_shapes)) == model.num_levels > 1


def _grid(dim: int, rows: int, columns: int, limit: float) -> Latents | None:
    """Values of a level for every cell, row by row; None where they are to be drawn."""
    steps = np.linspace(-limit, limit, columns) if columns > 1 else np.zeros(1)
    if dim == 1:
        return np.tile(steps, rows)[:, None].astype("float32")
    if dim == 2:
        second, first = np.meshgrid(steps[::-1], steps, indexing="ij")
        return np.stack([first.ravel(), second.ravel()], axis=-1).astype("float32")
    return None


def _flat_latents(
    model: HierarchicalVAE,
    level: int,
    values: Latents | None,
    owner: NDArray[np.int64],
    seed: int,
) -> list[Latents]:
    """z_1 ... z_L of every cell; the values are drawn where there are none."""

    def draws(number: int, seed: int | None) -> list[Latents]:
        latent = model.sample_prior(number, seed=seed)
        return model.split_latent(latent)

    latents = [part[owner] for part in draws(owner[-1] + 1, seed)]
    latents[level - 1] = draws(len(owner), None)[level - 1] if values is None else values
    return latents


def _stacked_latents(
    model: HierarchicalVAE,
    level: int,
    values: Latents | None,
    owner: NDArray[np.int64],
    fresh: bool,
    seed: int,
) -> list[Latents]:
    """z_1 ... z_L of every cell; the values, or noise in their place, are of the level."""
    generator = np.random.default_rng(seed)
    num_above = model.num_levels - level
    if not num_above:
        if values is None:
            (values,) = model.split_latent(model.sample_prior(len(owner), seed=seed))
        latents = [values]
    else:
        top = model.split_latent(model.sample_prior(owner[-1] + 1, seed=seed))
        above = [part[owner] for part in _descend(model, top, num_above, generator)]
        if values is None:
            size = (len(owner), *model.latent_shapes[level - 1])
            values = generator.standard_normal(size, dtype="float32")
        latents = [from_noise(model.conditional_prior(above), values), *above]
    return _descend(model, latents, model.num_levels, generator if fresh else None)


def _descend(
    model: HierarchicalVAE,
    latents: list[Latents],
    num_levels: int,
    generator: np.random.Generator | None,
) -> list[Latents]:
    """Levels below the given ones, until there are so many: drawn, or without a generator means."""
    while len(latents) < num_levels:
        conditional = model.conditional_prior(latents)
        noise = np.zeros(conditional.mean.shape, dtype="float32")
        if generator is not None:
            noise = generator.standard_normal(conditional.mean.shape, dtype="float32")
        latents = [from_noise(conditional, noise), *latents]
    return latents


def from_noise(conditional: DiagonalNormal, noise: Latents) -> Latents:
    """Mean + standard deviation * noise, of parameters that are NumPy arrays."""
    return np.asarray(conditional.mean + np.exp(0.5 * conditional.log_variance) * noise)
