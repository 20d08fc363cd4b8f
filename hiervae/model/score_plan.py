"""How examples and samples of a score are divided into passes of few different sizes.

A compiled pass has a fixed number of rows. Where there are fewer examples than rows, an example
takes several, each with its own share of the samples, and the sums of its rows are joined
afterwards; so one size serves any number of examples and no row is idle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hiervae.utils.batching import Array, few_sizes
from hiervae.utils.validation import check_positive_int

SAMPLES_A_COMPONENT_DRAW = 100
"""Samples that share one draw of a prior's components, where these are drawn."""

LOWEST = -3e38
"""The maximum of no log-weights, in float32."""

_DIVISORS = tuple(n for n in range(1, 101) if SAMPLES_A_COMPONENT_DRAW % n == 0)


class Shares(NamedTuple):
    """What each row of a pass works on.

    Attributes:
        rows: numbers of the examples of this batch, shape (batch,).
        first: first sample of each row, shape (batch,), int32.
        end: the sample after its last, likewise; rows that are left over have none.
        num_passes: passes until all rows have done theirs.
        copies: rows of each example.
    """

    rows: Array
    first: Array
    end: Array
    num_passes: int
    copies: int


@dataclass(frozen=True)
class ScorePlan:
    """How examples and samples are divided.

    Attributes:
        num_samples: S.
        batch_size: rows of a pass that differ in the example or the share of its samples.
        chunk: samples of a row in a pass.
        closed_form: whether KL terms are taken in closed form, and bounds averaged.
        in_shares: whether an example may take several rows.
    """

    num_samples: int
    batch_size: int
    chunk: int
    closed_form: bool
    in_shares: bool

    @classmethod
    def of(
        cls,
        num_examples: int,
        num_samples: int,
        batch_size: int,
        rows_per_pass: int,
        closed_form: bool = False,
        components_are_drawn: bool = False,
    ) -> ScorePlan:
        """The plan for a call.

        Args:
            num_examples: n.
            num_samples: S.
            batch_size: the most examples of a pass.
            rows_per_pass: the most examples times samples of a pass, at least 1 however.
            closed_form: as above.
            components_are_drawn: whether `SAMPLES_A_COMPONENT_DRAW` samples share a draw of the
                prior's components, which all rows of a pass have in common.

        Raises:
            ValueError: if a number is no positive integer.
        """
        check_positive_int("num_samples", num_samples)
        check_positive_int("batch_size", batch_size)
        check_positive_int("rows_per_pass", rows_per_pass)
        most = min(batch_size, rows_per_pass)
        if components_are_drawn:
            batch = _least(most, num_examples, 2)
            chunk = _dividing_chunk(num_samples, rows_per_pass // batch)
        else:
            num_passes = -(-num_samples // _chunk(num_samples, rows_per_pass // most))
            batch = _least(most, num_examples * num_passes, 4)
            chunk = _chunk(num_samples, rows_per_pass // batch)
        return cls(num_samples, batch, chunk, closed_form, not components_are_drawn)

    def shares(self, count: int) -> Shares:
        """What each row does in the passes for `count` examples."""
        num_passes = -(-self.num_samples // self.chunk)
        copies = min(self.batch_size // count, num_passes) if self.in_shares else 1
        num_passes = -(-num_passes // copies)
        share = num_passes * self.chunk
        starts = np.arange(0, self.num_samples, share)
        ends = np.minimum(starts + share, self.num_samples)
        idle = self.batch_size - count * len(starts)
        rows, first, end = (
            np.concatenate([part, np.zeros(idle)]).astype("int32")
            for part in (
                np.repeat(np.arange(count), len(starts)),
                np.tile(starts, count),
                np.tile(ends, count),
            )
        )
        return Shares(rows, first, end, num_passes, len(starts))

    def joined(self, sums: Array, count: int, copies: int) -> Array:
        """The sums (k, count) of the examples, of those of the rows, (k, batch)."""
        parts = sums[:, : count * copies].astype("float64").reshape(len(sums), count, copies)
        if self.closed_form or copies == 1:
            joined: Array = parts.sum(axis=-1)
            return joined
        peaks, totals, squares = parts
        highest = peaks.max(axis=-1)
        shrunk = np.exp(peaks - highest[:, None])
        return np.stack(
            [highest, (totals * shrunk).sum(axis=-1), (squares * shrunk**2).sum(axis=-1)]
        )


def _least(most: int, wanted: int, factor: int) -> int:
    """The least of `most` and its quotients by powers of a factor that is not below `wanted`."""
    size = most
    while size > 1 and -(-size // factor) >= wanted:
        size = -(-size // factor)
    return size


def _dividing_chunk(num_samples: int, most: int) -> int:
    fitting = [n for n in _DIVISORS if n <= most]
    return min([n for n in fitting if n >= num_samples], default=fitting[-1])


def _chunk(num_samples: int, most: int) -> int:
    """Samples of a pass, with few left over in the last one."""
    if num_samples <= most:
        return min(few_sizes(num_samples), most)
    sizes = sorted({max(1, most * eighths // 8) for eighths in range(4, 9)})
    return min(sizes, key=lambda size: (-(-num_samples // size) * size, -size))
