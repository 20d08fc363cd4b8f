"""What importance sampling says of examples, and the file in which an interrupted one is kept."""

from __future__ import annotations

import math
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiervae.utils.batching import Array
from hiervae.utils.files import replacing

FEWEST_EFFECTIVE = 2.0
"""An effective sample size below this says that one weight makes up most of the sum."""

MOST_DEGENERATE = 0.1
"""The share of such examples from which on scores come with a warning."""

SAMPLES_THAT_SHOULD_DO = 100
"""From so many samples on a small effective sample size says something."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Importance-weighted log-likelihoods of examples, and how far they are to be trusted.

    With the weights w_s = p(x, z_s) / q(z_s | x) of S samples:

    Attributes:
        log_likelihood: log (1/S) sum_s w_s, shape (n,), nats (Burda et al. 2016, Eq. 8).
        effective_sample_size: (sum_s w_s)^2 / sum_s w_s^2, shape (n,), from 1, where one weight
            makes up the sum, to S, where all are equal (Kong et al. 1994). NaN at S = 1, where it
            says nothing.
        standard_error: of `log_likelihood`, shape (n,), nats, by the delta method:
            sqrt(sum_s w_s^2 / (sum_s w_s)^2 - 1/S). Too small where few weights make up the sum,
            and NaN at S = 1.
        num_samples: S.
    """

    log_likelihood: Array
    effective_sample_size: Array
    standard_error: Array
    num_samples: int

    @classmethod
    def from_sums(cls, sums: Array, num_samples: int) -> Scores:
        """Return the scores from sums of weights.

        Args:
            sums: shape (3, n), float64: the largest log-weight m, sum_s w_s e^-m and
                sum_s (w_s e^-m)^2.
            num_samples: S.
        """
        peak, total, squares = sums
        with np.errstate(divide="ignore", invalid="ignore"):
            log_likelihood = peak + np.log(total) - math.log(num_samples)
            share = squares / total**2
        if num_samples == 1:
            share = np.full_like(share, np.nan)  # one weight has no spread
        return cls(
            log_likelihood,
            np.clip(1.0 / share, 1.0, num_samples),
            np.sqrt(np.maximum(share - 1.0 / num_samples, 0.0)),
            num_samples,
        )

    @property
    def num_degenerate(self) -> int:
        """The number of examples whose effective sample size is below 2; 0 at S = 1."""
        return int((self.effective_sample_size < FEWEST_EFFECTIVE).sum())

    def warn_if_degenerate(self) -> None:
        """Warn if single weights make up the sums of many examples, in spite of many samples."""
        number, examples = self.num_degenerate, len(self.log_likelihood)
        if self.num_samples >= SAMPLES_THAT_SHOULD_DO and number > MOST_DEGENERATE * examples:
            warnings.warn(
                f"The importance weights of {number} of {examples} examples have an effective "
                f"sample size below {FEWEST_EFFECTIVE:g} of {self.num_samples}: the posterior "
                "misses where the likelihood is, and log-likelihoods come out too low. Train "
                "longer, or take more samples.",
                UserWarning,
                stacklevel=4,
            )


class PartialScores:
    """The file that keeps the sums of the examples scored so far.

    Args:
        path: of the file; None keeps nothing.
        fingerprint: of all that the numbers depend on.
    """

    def __init__(self, path: Any, fingerprint: str) -> None:
        self.path = None if path is None else Path(path)
        self.fingerprint = fingerprint

    def read(self) -> Array:
        """Return the sums (3, n) of the examples done; n is 0 where there are none to go on from.

        A file of another model, of other examples or settings, or one that cannot be read, is told
        by a warning, and replaced later.
        """
        nothing = np.zeros((3, 0))
        if self.path is None or not self.path.is_file():
            return nothing
        try:
            with self.path.open("rb") as stream, np.load(stream) as stored:
                fingerprint, sums = str(stored["fingerprint"]), stored["sums"]
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile):
            reason = "cannot be read"
        else:
            if fingerprint == self.fingerprint:
                return np.asarray(sums, dtype="float64")
            reason = "holds scores of another model, or of other examples or settings"
        warnings.warn(f"{self.path} {reason}; scoring begins anew.", UserWarning, stacklevel=5)
        return nothing

    def write(self, sums: Array) -> None:
        """Keep the sums (3, n), whole or not at all.

        Raises:
            OSError: if the file cannot be written.
        """
        if self.path is not None:
            with replacing(self.path) as temporary, temporary.open("wb") as stream:
                np.savez(stream, fingerprint=np.asarray(self.fingerprint), sums=sums)

    def remove(self) -> None:
        """Remove the file, once all is done."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
