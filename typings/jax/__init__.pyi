# What the package uses; anything else is Any.
from collections.abc import Callable
from typing import Any, TypeVar

from jax import numpy as numpy

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S")
G = TypeVar("G")
A = TypeVar("A")

def jit(fun: F, **kwargs: Any) -> F: ...

# Of a function with one argument and something to hand on, as the package uses it.
def grad(fun: Callable[[G], tuple[S, A]], *, has_aux: bool) -> Callable[[G], tuple[G, A]]: ...
def __getattr__(name: str) -> Any: ...
