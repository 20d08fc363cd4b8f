# What the package uses; anything else is Any.
import abc
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from hiervae.types import Tensor as _Tensor

F = TypeVar("F", bound=Callable[..., Any])

class _Device:
    type: str

class Tensor(_Tensor, metaclass=abc.ABCMeta):
    grad: Tensor
    device: _Device
    def __le__(self, other: Any, /) -> Tensor: ...
    def backward(self) -> None: ...
    def clone(self) -> Tensor: ...
    def lerp_(self, end: Tensor, weight: Tensor) -> Tensor: ...
    def to(self, dtype: Any) -> Tensor: ...

class no_grad:
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def __call__(self, function: F) -> F: ...

def matmul(input: _Tensor, other: _Tensor) -> _Tensor: ...
def __getattr__(name: str) -> Any: ...
