from collections.abc import Callable
from typing import Any

from torch.fx import Node

def map_arg(value: Any, function: Callable[[Node], Any]) -> Any: ...
