"""The random generators that belong to the whole process, whichever backend computes."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np


def generator_states() -> dict[str, Any]:
    """The states of Python's, NumPy's and, where it is imported, PyTorch's global generator.

    Data sets and loaders draw from them. They are plain values and arrays.
    """
    version, words, spare = random.getstate()
    kind, keys, *rest = np.random.get_state(legacy=True)
    states: dict[str, Any] = {
        "python": [version, np.array(words, dtype=np.uint32), spare],
        "numpy": [kind, keys, *rest],
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        states["torch"] = torch.get_rng_state().numpy()
    return states


def set_generator_states(states: dict[str, Any]) -> None:
    """Put back what `generator_states` gave."""
    version, words, spare = states["python"]
    random.setstate((version, tuple(int(word) for word in words), spare))
    np.random.set_state(tuple(states["numpy"]))
    torch = sys.modules.get("torch")
    if torch is not None and "torch" in states:
        torch.set_rng_state(torch.from_numpy(np.array(states["torch"], dtype=np.uint8)))
