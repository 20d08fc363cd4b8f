"""The plain values that parts hand to one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:  # the command starts faster without it
    import numpy as np


class Tensor(Protocol):
    """A tensor of the active backend (or a NumPy array where one is accepted).

    What every backend's tensors can do; anything else goes through `keras.ops`.
    """

    @property
    def shape(self) -> Any:
        """Its sizes; None where one is not known yet."""

    @property
    def dtype(self) -> Any:
        """Its type, as the backend calls it."""

    def __array__(self, dtype: Any = None, /) -> np.ndarray[Any, Any]: ...
    def __getitem__(self, index: Any, /) -> Tensor: ...
    def __len__(self) -> int: ...
    def __add__(self, other: Any, /) -> Tensor: ...
    def __radd__(self, other: Any, /) -> Tensor: ...
    def __sub__(self, other: Any, /) -> Tensor: ...
    def __rsub__(self, other: Any, /) -> Tensor: ...
    def __mul__(self, other: Any, /) -> Tensor: ...
    def __rmul__(self, other: Any, /) -> Tensor: ...
    def __truediv__(self, other: Any, /) -> Tensor: ...
    def __rtruediv__(self, other: Any, /) -> Tensor: ...
    def __floordiv__(self, other: Any, /) -> Tensor: ...
    def __mod__(self, other: Any, /) -> Tensor: ...
    def __pow__(self, other: Any, /) -> Tensor: ...
    def __matmul__(self, other: Any, /) -> Tensor: ...
    def __neg__(self) -> Tensor: ...
    def __lt__(self, other: Any, /) -> Tensor: ...
    def __le__(self, other: Any, /) -> Tensor: ...
    def __gt__(self, other: Any, /) -> Tensor: ...
    def __ge__(self, other: Any, /) -> Tensor: ...


Shape: TypeAlias = tuple[int, ...]
"""A shape without its leading (sample and batch) axis."""

Config: TypeAlias = dict[str, Any]
"""JSON-serialisable constructor arguments."""


@dataclass(frozen=True)
class Signals:
    """What a scheduler sees of one training step; every entry is a float32 scalar tensor.

    Attributes:
        step: number of this step since the rule began, from 1; it counts on over `fit` calls.
        epoch: number of this epoch since the rule began, from 1.
        constraint: batch mean of the reconstruction error C, nats, summed over event dimensions.
        kl: batch mean of the summed KL, nats.
        num_dimensions: number of scalars in one example, for thresholds given per dimension.
        numbers: the rule's own `numbers()` as inputs of the compiled step; empty where it is not
            the step that asks.
    """

    step: Tensor
    epoch: Tensor
    constraint: Tensor
    kl: Tensor
    num_dimensions: float
    numbers: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class PartRecord:
    """How a resolved part is written into configs and saved models."""

    name: str | None
    distribution: str | None
    version: str | None
    config: Config = field(default_factory=dict)


_MOVED = {
    "ModelContext": "hiervae.part",
    "Level": "hiervae.inference.passes",
    "InferencePass": "hiervae.inference.passes",
    "GenerativePass": "hiervae.inference.passes",
}


def __getattr__(name: str) -> Any:
    """What was defined here before it moved beside its users; looked up on first use."""
    if name in _MOVED:
        return getattr(import_module(_MOVED[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
