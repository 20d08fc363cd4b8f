"""The latent space during training."""

from __future__ import annotations

import numbers
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hiervae.callbacks.figure_monitor import FigureMonitor
from hiervae.errors import DataError
from hiervae.plotting import latent_space
from hiervae.utils.arrays import require_array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class LatentMonitor(FigureMonitor):
    """Draws two dimensions of the latent space at the end of epochs.

    `posterior` shows the posterior means of examples and `prior` as many draws from the prior, from
    the same noise each time, both of the latent that the prior governs: z_L of a stacked structure,
    all levels of a flat one. Where the two figures differ, the prior does not match the aggregated
    posterior. Training is the same with and without the monitor.

    Args:
        x: examples of shape (n, *event_shape).
        directory: where PNG files go, `posterior_<step>.png` and `prior_<step>.png`.
        log_dir: TensorBoard directory; the figures are its run `latents`.
        every: epochs from figure to figure.
        values: one for each example, shape (n,), for the colours: labels, angles or other numbers.
        kind: how to read `values`, as in `hiervae.plotting.latent_space`.
        dimensions: the two dimensions of the latent to draw, from 0.
        seed: of the draws.

    Raises:
        ValueError: if neither `directory` nor `log_dir` is given, or an option is wrong.
        DataError: if `x` is not an array; when training begins, if `x` or `values` do not suit, or
            the latent has no such dimensions.
        HiervaeError: when training begins, if a package is missing or nothing can be written.

    Example:
        >>> import hiervae, numpy
        >>> x, labels = numpy.zeros((100, 784)), numpy.arange(100) % 10
        >>> monitor = hiervae.callbacks.LatentMonitor(x, log_dir="runs/a", values=labels)
    """

    run = "latents"

    def __init__(
        self,
        x: Any,
        directory: str | os.PathLike[str] | None = None,
        log_dir: str | os.PathLike[str] | None = None,
        every: int = 10,
        values: ArrayLike | None = None,
        kind: str = "auto",
        dimensions: Sequence[int] = (0, 1),
        seed: int = 0,
    ) -> None:
        super().__init__(x, directory, log_dir, every)
        self.values = None if values is None else require_array(values, "values")
        self.kind = kind
        self.dimensions = list(dimensions)
        self.seed = seed

    def rehearse(self) -> None:
        """Draw points that stand for the examples."""
        size = self.model.prior_dim
        first_and_second: list[object] = list(self.dimensions)
        fit = [isinstance(d, numbers.Integral) and d in range(size) for d in first_and_second]
        if len(fit) != 2 or not all(fit):
            raise DataError(
                f"dimensions={first_and_second} cannot be drawn of a latent of size {size}: "
                f"expected two integers from 0 to {size - 1}."
            )
        latent_space(np.zeros((len(self.x), 2)), self.values, kind=self.kind)

    def figures(self) -> dict[str, Figure]:
        """`posterior` and `prior`."""
        means = self.model.governed_latent(self.model.encode(self.x))
        draws = self.model.sample_prior(len(self.x), seed=self.seed)
        across, up = (f"dimension {number}" for number in self.dimensions)
        return {
            "posterior": latent_space(
                means[:, self.dimensions], self.values, kind=self.kind, axis_labels=(across, up)
            ),
            "prior": latent_space(draws[:, self.dimensions], axis_labels=(across, up)),
        }
