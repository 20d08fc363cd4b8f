# What the package uses of operations of its own.
from collections.abc import Callable
from typing import Any

from torch import Tensor

from hiervae.types import Tensor as _Tensor

class CustomOpDef:
    def __call__(self, values: _Tensor) -> Tensor: ...
    def register_fake(self, function: Callable[[Tensor], Tensor]) -> object: ...
    def register_autograd(self, backward: Callable[[Any, Tensor], Tensor]) -> None: ...

def custom_op(
    name: str, *, mutates_args: tuple[str, ...], schema: str
) -> Callable[[Callable[[Tensor], Tensor]], CustomOpDef]: ...
