# What the package uses of data loaders.
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

class DataLoader(Generic[T]):
    batch_size: int | None
    def __init__(self, dataset: Sequence[object], batch_size: int | None = ...) -> None: ...
    def __iter__(self) -> Iterator[T]: ...
    def __len__(self) -> int: ...
