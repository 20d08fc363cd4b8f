from types import TracebackType

from torch import Tensor

class FakeTensorMode:
    def __init__(self, *, allow_non_fake_inputs: bool = ...) -> None: ...
    def __enter__(self) -> FakeTensorMode: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def from_tensor(self, tensor: Tensor) -> Tensor: ...
