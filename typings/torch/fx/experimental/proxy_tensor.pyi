from collections.abc import Callable
from typing import Any

from torch.fx import GraphModule

def make_fx(
    function: Callable[..., Any], tracing_mode: str = ...
) -> Callable[..., GraphModule]: ...
