"""Where a likelihood of TensorFlow Probability lives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hiervae.types import Tensor
from keras import ops

from hiervae_tfp.nodes import Call, Constant, Node, Output, Variable

COUNTS = ("Geometric", "NegativeBinomial", "Poisson", "ZeroInflatedNegativeBinomial")
BITS = ("Bernoulli", "ProbitBernoulli")
POSITIVE = ("Chi2", "Gamma", "InverseGamma", "InverseGaussian", "LogNormal", "Weibull")
NOT_NEGATIVE = ("Exponential", "HalfCauchy", "HalfNormal", "HalfStudentT")
INSIDE_UNIT = ("Beta", "Kumaraswamy", "LogitNormal")
UNIT = ("ContinuousBernoulli",)
REAL = (
    "Cauchy",
    "GeneralizedNormal",
    "Gumbel",
    "JohnsonSU",
    "Laplace",
    "Logistic",
    "MultivariateNormalDiag",
    "MultivariateNormalTriL",
    "Normal",
    "NormalInverseGaussian",
    "SinhArcsinh",
    "StudentT",
    "TwoPieceNormal",
)
INNER = {
    "Independent": "distribution",
    "MixtureSameFamily": "components_distribution",
    "Sample": "distribution",
}
"""Distributions that live where another one does, and the argument that is it."""

CLOSE = 1e-3
"""How far a value may be from a level, in steps, to count as it."""


@dataclass(frozen=True)
class Support:
    """The values with a density.

    Attributes:
        low: the lowest, None where there is none.
        high: the highest, None where there is none.
        step: distance of two values; None for a continuum. The distribution is one of the whole
            numbers x / step.
        is_open: whether the density of a continuum has no finite logarithm at `low` and `high`.
    """

    low: float | None = None
    high: float | None = None
    step: float | None = None
    is_open: bool = False

    @property
    def num_levels(self) -> int | None:
        """How many values there are; None for infinitely many."""
        if self.low is None or self.high is None or self.step is None:
            return None
        return round((self.high - self.low) / self.step) + 1

    def contains(self, value: Any) -> Any:
        """Where a tensor or an array holds values of the support."""
        # Not a comparison with NaN, which is nowhere.
        inside = value == value
        if self.low is not None:
            inside = inside & (value > self.low if self.is_open else value >= self.low)
        if self.high is not None:
            inside = inside & (value < self.high if self.is_open else value <= self.high)
        if self.step is not None:
            levels = value / self.step
            inside = inside & (abs(levels - _round(levels)) <= CLOSE)
        return inside

    @property
    def description(self) -> str:
        """What values it has, for messages."""
        if self.step is not None:
            return f"{self.step:g} apart, from {self.low or 0.0:g} on"
        words = ("above", "below") if self.is_open else ("from", "to")
        ends = zip(words, (self.low, self.high), strict=True)
        given = [f"{word} {end:g}" for word, end in ends if end is not None]
        return " and ".join(given) or "that are numbers"

    def to_distribution(self, value: Tensor) -> Tensor:
        """What the distribution sees of a value."""
        return value if self.step is None else ops.round(value / self.step)

    def from_distribution(self, value: Tensor) -> Tensor:
        """The value, float32, of what the distribution draws."""
        value = ops.cast(value, "float32")
        return value if self.step in (None, 1.0) else value * self.step

    @property
    def inner_value(self) -> float:
        """A value of the support."""
        if self.step is None and self.low is not None and self.high is not None:
            return 0.5 * (self.low + self.high)
        if self.low is not None:
            return self.low + (1.0 if self.step is None else 0.0)
        return self.high if self.high is not None else 0.0


def _round(levels: Any) -> Any:
    return ops.round(levels) if ops.is_tensor(levels) else levels.round()


def given_support(support: Any) -> Support:
    """Return the support that the option describes.

    Raises:
        ValueError: if it is none.
    """
    expected = '{"low": number or null, "high": number or null, "step": positive number or null}'
    if not isinstance(support, Mapping) or not set(support) <= {"low", "high", "step"}:
        raise ValueError(f"support={support!r}: expected {expected}.")
    for key, value in support.items():
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (is_number and math.isfinite(value)):
            raise ValueError(f"support.{key}={value!r}: expected a number or null.")
    found = Support(**{key: value and float(value) for key, value in support.items()})
    if found.step is not None and found.step <= 0.0:
        raise ValueError(f"support.step={found.step!r}: expected a positive number or null.")
    if found.low is not None and found.high is not None and found.low >= found.high:
        raise ValueError(f"support.high={found.high!r}: expected more than low={found.low!r}.")
    return found


def support_of(node: Call) -> Support:
    """Return where a distribution lives, which its name and constants tell.

    Raises:
        ValueError: if they do not.
    """
    name = node.name
    if name in INNER:
        inner = node.arguments[INNER[name]]
        if isinstance(inner, Call):
            return support_of(inner)
    for names, support in (
        (COUNTS, Support(0.0, None, 1.0)),
        (BITS, Support(0.0, 1.0, 1.0)),
        (POSITIVE, Support(0.0, is_open=True)),
        (NOT_NEGATIVE, Support(0.0)),
        (INSIDE_UNIT, Support(0.0, 1.0, is_open=True)),
        (UNIT, Support(0.0, 1.0)),
        (REAL, Support()),
    ):
        if name in names:
            return support
    top = _top(node)
    if top is not None and top > 0:
        return Support(0.0, float(top), 1.0)
    raise ValueError(
        f"support=None: expected it to be given, since that of tfd.{name} is not known here, such "
        'as {"low": 0.0, "high": null, "step": 1.0} for counts.'
    )


def _top(node: Call) -> float | None:
    """The highest of finitely many whole numbers from 0."""
    if node.name == "Categorical":
        for name in ("logits", "probs"):
            given = node.arguments.get(name)
            if isinstance(given, (Output, Variable)) and given.shape:
                last = given.shape[-1]
                return last - 1 if isinstance(last, int) else None
    if node.name == "Binomial":
        return _number(node.arguments.get("total_count"))
    if node.name == "QuantizedDistribution" and _number(node.arguments.get("low")) == 0:
        return _number(node.arguments.get("high"))
    return None


def _number(node: Node | None) -> float | None:
    constant = node.constant if isinstance(node, Constant) else None
    return constant if isinstance(constant, (int, float)) else None
