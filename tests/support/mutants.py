"""Damaged copies of a file; `HIERVAE_MUTANTS=500` tries so many of each."""

import os
from collections.abc import Iterator

import numpy as np

NUM_MUTANTS = int(os.environ.get("HIERVAE_MUTANTS", "100"))


def mutants(content: bytes, rng: np.random.Generator, number: int) -> Iterator[bytes]:
    """Changed bytes, extreme numbers, and cut, doubled or inserted pieces, mostly near the head."""
    for index in range(number):
        changed = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            place = int(len(changed) * rng.random() ** 2)
            kind = index % 5
            if kind == 0:
                changed[place : place + 1] = bytes([rng.integers(256)])
            elif kind == 1:
                extreme = [b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", bytes(4)]
                changed[place : place + 4] = extreme[rng.integers(4)]
            elif kind == 2:
                del changed[place:]
            elif kind == 3:
                changed[place:place] = bytes(rng.integers(0, 256, 8).astype(np.uint8))
            else:
                del changed[place : place + int(rng.integers(1, 9))]
        yield bytes(changed)
