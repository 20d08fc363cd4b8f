"""Reconstructions and samples during training."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from hiervae.callbacks.figure_monitor import FigureMonitor
from hiervae.plotting import image_grid, reconstructions
from hiervae.plotting.frames import value_limits
from hiervae.types import Shape
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ImageMonitor(FigureMonitor):
    """Draws reconstructions and samples at the end of epochs.

    `reconstructions` shows examples, each above its reconstruction from the posterior means;
    `samples` shows the means of the likelihood at latents drawn from the model, from the same noise
    each time. The examples set the scale of black and white in every figure; examples that are no
    images are drawn as lines. Training is the same with and without the monitor.

    Args:
        x: examples of shape (n, *event_shape), the first `num_images` of which are shown.
        directory: where PNG files go, `reconstructions_<step>.png` and `samples_<step>.png`.
        log_dir: TensorBoard directory; the figures are its run `images`.
        every: epochs from figure to figure.
        num_images: number of examples and of samples.
        image_shape: (height, width) or (height, width, channels) of flat images that are not
            square, (d,) to draw lines, as in `hiervae.plotting.image_grid`.
        seed: of the samples.

    Raises:
        ValueError: if neither `directory` nor `log_dir` is given, or a number is not positive.
        DataError: if `x` is not an array; when training begins, if it does not suit the model or
            cannot be drawn.
        HiervaeError: when training begins, if a package is missing or nothing can be written.

    Example:
        >>> import hiervae, numpy
        >>> x = numpy.zeros((100, 784))
        >>> monitor = hiervae.callbacks.ImageMonitor(x, "runs/a/figures", every=10)
    """

    run = "images"

    def __init__(
        self,
        x: Any,
        directory: str | os.PathLike[str] | None = None,
        log_dir: str | os.PathLike[str] | None = None,
        every: int = 10,
        num_images: int = 16,
        image_shape: Shape | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(x, directory, log_dir, every)
        self.num_images = check_positive_int("num_images", num_images)
        self.x = self.x[: self.num_images]
        self.image_shape = image_shape
        self.seed = seed

    def rehearse(self) -> None:
        """Draw the examples alone."""
        image_grid(self.x, image_shape=self.image_shape)

    def figures(self) -> dict[str, Figure]:
        """`reconstructions` and `samples`."""
        means = self.model.decode(self.model.encode(self.x))
        latents = self.model.sample_prior(self.num_images, seed=self.seed)
        draws = self.model.generate(latents, sample=True)
        limits = value_limits(self.x, None)
        look: dict[str, Any] = {"image_shape": self.image_shape, "value_range": limits}
        return {
            "reconstructions": reconstructions(self.x, means, num_columns=8, **look),
            "samples": image_grid(draws, num_columns=8, **look),
        }
