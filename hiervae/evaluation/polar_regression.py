"""How well a two-dimensional latent space represents one angle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.errors import DataError
from hiervae.evaluation.circle import (
    FULL_TURN,
    FloatArray,
    center_of,
    mean_direction,
    winding_number,
    wrap,
)
from hiervae.manifold.checks import finite_matrix
from hiervae.utils.arrays import real_array


@dataclass(frozen=True)
class _Line:
    """The prediction slope * ((orientation * polar + offset) mod 2 pi) + intercept."""

    orientation: int
    offset: float
    slope: float
    intercept: float

    def predict(self, polar: FloatArray) -> FloatArray:
        """Joint angles in [0, 2 pi) for polar angles, both of shape (n,)."""
        position = np.mod(self.orientation * polar + self.offset, FULL_TURN)
        return np.mod(self.slope * position + self.intercept, FULL_TURN)


@dataclass(frozen=True, eq=False)
class PolarRegression:
    """A regression of the joint angle on the latent polar angle.

    Attributes:
        mean_absolute_error: mean over the examples of |error| of the prediction, in radians, each
            error taken the short way round the circle.
        baseline_error: the same for predicting the mean direction of the angles throughout; pi/2
            for angles spread evenly over the circle. A representation that tells nothing of the
            angle has an error of about this size.
        aligned_error: the mean absolute error with the slope held at 1 or -1, so that only
            orientation and offset are fitted. It depends neither on where the joint angle is
            counted from nor on how the latent space is turned.
        winding: how often the polar angle goes round while the joint angle goes round once: 1 or
            -1 for a faithful representation, 0 where it does not go round the centre. It tells
            why an error is large; of a representation without any trend it means nothing.
        center: the centre of the polar coordinates, shape (2,).
        slope: of the joint angle over the polar angle; negative where they run in opposite
            directions.
        residuals: predicted minus true joint angle in [-pi, pi), shape (n,).
    """

    mean_absolute_error: float
    baseline_error: float
    aligned_error: float
    winding: int
    center: FloatArray
    slope: float
    residuals: FloatArray
    _line: _Line

    def predict(self, latents: ArrayLike) -> NDArray[np.float64]:
        """Predict the joint angle of other latents.

        Args:
            latents: shape (n, 2).

        Returns:
            Angles in [0, 2 pi), shape (n,).

        Raises:
            DataError: if the latents are not finite or not two-dimensional.
        """
        return self._line.predict(_polar_angles(_points(latents), self.center))


def polar_regression(
    latents: ArrayLike, angles: ArrayLike, center: str | ArrayLike = "mean"
) -> PolarRegression:
    """Predict a joint angle from latent polar coordinates (Klushyn et al. 2019, section 4.1).

    The latents are moved to polar coordinates about their centre, and ordinary least squares
    predicts the joint angle from the polar angle. Both are circular, and the polar angle may run
    either way from any origin, so the fit takes four steps:

    1. For each orientation s = 1, -1 the offset b is the circular mean of angle - s * polar.
    2. The polar angle is cut where it predicts a joint angle of 0: u = (s * polar + b) mod 2 pi.
    3. The joint angle is unwrapped to within half a turn of u, and least squares fits it by
       slope * u + intercept.
    4. Errors are taken the short way round. The orientation with the smaller mean is kept.

    Unwrapping the polar angle along the sorted joint angle instead would use the answer to make
    the prediction: a slip at one noisy example would move all that follow, a random walk of slips
    would be taken for a trend, and a space that covers the circle twice, in which two joint angles
    share every place, would look perfect. Here the prediction is one function of the latent alone
    and no example can move another, so all of these have an error near pi/2: for evenly spread
    angles that is exactly the error wherever opposite angles share a direction.

    Args:
        latents: posterior means, shape (n, 2), n >= 3.
        angles: joint angles in radians, shape (n,), from any origin; meant to cover the circle
            (compare with `baseline_error` where they do not).
        center: "mean" of the latents; "circle", the centre of the least-squares circle through
            them, for angles or speeds so uneven that the mean lies off centre; or a point (2,).

    Returns:
        The fit and its errors.

    Raises:
        DataError: if the arrays do not fit together, or hold anything but finite numbers.
        ValueError: if `center` is an unknown name.
    """
    points = _points(latents)
    truth = real_array(angles, "angles")
    if truth.shape != (len(points),) or len(points) < 3:
        raise DataError(
            f"Received latents of shape {points.shape} and angles of shape {truth.shape}; expected "
            "(n, 2) and (n,), one angle for each latent, n >= 3."
        )
    if not np.isfinite(truth).all():
        raise DataError("angles holds NaN or infinite values; remove those examples.")
    origin = center_of(points, center)
    polar = _polar_angles(points, origin)
    lines = [_fit(orientation, polar, truth) for orientation in (1, -1)]
    residuals = [wrap(line.predict(polar) - truth) for line in lines]
    errors = [float(np.abs(residual).mean()) for residual in residuals]
    best = int(np.argmin(errors))
    aligned = [wrap(line.orientation * polar + line.offset - truth) for line in lines]
    return PolarRegression(
        mean_absolute_error=errors[best],
        baseline_error=float(np.abs(wrap(truth - mean_direction(truth))).mean()),
        aligned_error=min(float(np.abs(residual).mean()) for residual in aligned),
        winding=winding_number(polar, truth),
        center=origin,
        slope=lines[best].orientation * lines[best].slope,
        residuals=residuals[best],
        _line=lines[best],
    )


def _fit(orientation: int, polar: FloatArray, truth: FloatArray) -> _Line:
    """Least squares of the joint angle on the polar angle, run in one orientation."""
    offset = mean_direction(truth - orientation * polar)
    position = np.mod(orientation * polar + offset, FULL_TURN)
    unwrapped = position + wrap(truth - position)
    spread = position - position.mean()
    variance = np.square(spread).mean()
    # All latents in one direction: nothing but a constant can be fitted.
    slope = float((spread * unwrapped).mean() / variance) if variance > 1e-12 else 0.0
    return _Line(orientation, offset, slope, float((unwrapped - slope * position).mean()))


def _points(latents: ArrayLike) -> FloatArray:
    """Check two-dimensional latents."""
    points = finite_matrix(latents, "latents")
    if points.shape[1] != 2:
        raise DataError(
            f"latents has shape {points.shape}; polar coordinates need (n, 2). Take a model with "
            "a latent space of two dimensions, or two of its columns."
        )
    return points


def _polar_angles(points: FloatArray, center: FloatArray) -> FloatArray:
    """Polar angles about `center` in [-pi, pi], shape (n,)."""
    offsets = points - center
    return np.asarray(np.arctan2(offsets[:, 1], offsets[:, 0]))
