"""Whether a config is JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any


def non_json_values(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """The places in a config, and what is there, that JSON has no form for.

    A tuple counts as the list that it becomes.

    Args:
        value: a config or a part of one.
        where: what `value` is called.
    """
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from non_json_values(item, f"{where}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield f"a key of {where}", key
            yield from non_json_values(item, f"{where}[{key!r}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield where, value
    elif value is not None and not isinstance(value, (bool, int, str)):
        yield where, value
