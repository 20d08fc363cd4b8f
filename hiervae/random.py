"""Every random draw of the package, so that tests can inject the same noise on every backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

from hiervae.types import Tensor
from hiervae.utils.replicas import acting_as, current_replica

NoiseSource = Callable[[str, tuple[Any, ...]], Any]

DrawSource = Callable[[str, tuple[Any, ...], Any], Any]

_injected: NoiseSource | None = None
_source: ContextVar[DrawSource | None] = ContextVar("source of draws", default=None)

_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_PARITY = 0x1BD11BDA
ROUNDS = 13
"""The fewest rounds with which Threefry-2x32 passes all tests of BigCrush (Salmon et al. 2011)."""


@contextmanager
def inject_noise(source: NoiseSource) -> Iterator[None]:
    """Draw from `source(kind, shape)` instead of the backend's generator, within the context.

    Args:
        source: called with `"normal"` or `"uniform"` and the shape; returns an array of it.
            Inside a compiled function it is called once, when the function is traced.
    """
    global _injected
    previous, _injected = _injected, source
    try:
        yield
    finally:
        _injected = previous


def is_injected() -> bool:
    """Whether draws come from another source than the backend's generator now."""
    return _injected is not None


@contextmanager
def draws_from(source: DrawSource) -> Iterator[None]:
    """Let `source(kind, shape, seed)` make all draws of this thread within, as `draw` would.

    Args:
        source: as that of `inject_noise`, which goes before it, but told the seed as well.
    """
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def draw(kind: str, shape: tuple[Any, ...], seed: Any) -> Tensor:
    """Draw float32 noise of a kind, "normal" or "uniform", from the backend's generator.

    One of several replicas gets its rows of the noise that one alone would draw for the batch.
    """
    function = keras.random.normal if kind == "normal" else keras.random.uniform
    replica = current_replica()
    repeats = None if replica is None else replica.repeats(shape[0])
    if replica is None or repeats is None:
        return function(shape, seed=seed, dtype="float32")
    whole = function((replica.rows_to_draw(repeats), *shape[1:]), seed=seed, dtype="float32")
    return replica.own_rows(whole, shape)


@contextmanager
def common_draws() -> Iterator[None]:
    """Let replicas draw the same noise within, for what is no row of the batch."""
    with acting_as(None):
        yield


def normal(shape: tuple[Any, ...], seed: Any) -> Tensor:
    """Standard normal noise, float32 whatever the dtype policy."""
    if _injected is not None:
        return keras.ops.convert_to_tensor(_injected("normal", shape), dtype="float32")
    if isinstance(seed, SampleKeys):
        return seed.normal(shape)
    if (source := _source.get()) is not None:
        return source("normal", shape, seed)
    return draw("normal", shape, seed)


def uniform(shape: tuple[Any, ...], seed: Any) -> Tensor:
    """Uniform noise on [0, 1), float32 whatever the dtype policy."""
    if _injected is not None:
        return keras.ops.convert_to_tensor(_injected("uniform", shape), dtype="float32")
    if isinstance(seed, SampleKeys):
        return seed.uniform(shape)
    if (source := _source.get()) is not None:
        return source("uniform", shape, seed)
    return draw("uniform", shape, seed)


class SampleKeys(keras.random.SeedGenerator):
    """Noise that is a function of seed, example and sample alone, the same on every backend.

    It stands in for a `keras.random.SeedGenerator` in a pass of `num_samples` draws for each of
    several examples, sample-major. Row s * batch + b of what `normal` and `uniform` give depends
    on the key, the number of the example, the number of the sample, and on how many draws came
    before, but not on which other rows are in the pass; so results do not depend on how examples
    and samples are divided into passes. Several draws a row, such as those of a prior that
    estimates its density, have the rows innermost: (draws * samples * batch, ...).

    Draws that do not go through `hiervae.random` take seeds from `next()`, and a draw whose number
    of rows is no multiple of the pass's has one key for all: both repeat for the same seed and the
    same passes only.

    Args:
        key: two 32-bit words, shape (2,), int32.
        examples: numbers of the examples, shape (batch,), int32.
        first_sample: number of the first sample, a scalar, or (batch,) for one an example, int32.
        num_samples: samples of each example.
    """

    def __init__(self, key: Tensor, examples: Tensor, first_sample: Tensor, num_samples: int):
        # Not Keras' own, which would create a variable.
        self._batch = int(examples.shape[0])
        self._num_rows = num_samples * self._batch
        counted = ops.reshape(ops.arange(num_samples, dtype="int32"), (-1, 1))
        samples = ops.broadcast_to(counted + first_sample, (num_samples, self._batch))
        numbers = ops.reshape(samples, (-1,)), ops.tile(examples, (num_samples,))
        first, second = threefry((key[0], key[1]), numbers[1], numbers[0])
        self._rows = ops.reshape(first, (-1, 1)), ops.reshape(second, (-1, 1))
        self._all = first[0], second[0]
        self._draws = 0

    @classmethod
    def shared(cls, key: Tensor, number: Tensor) -> SampleKeys:
        """Return the keys of draws that belong to no example, counted by `number`."""
        return cls(key, ops.full((1,), -1, dtype="int32"), number, 1)

    def next(self, ordered: bool = True) -> Tensor:
        """Return a seed (2,) for a draw of Keras' own."""
        words = threefry(self._all, self._next_draw(), ops.full((), -1, dtype="int32"))
        positive = ops.bitwise_and(ops.stack(words), 0x7FFFFFFF)
        backend = keras.backend.backend()
        return ops.cast(positive, "uint32" if backend == "jax" else "int32")

    def normal(self, shape: tuple[Any, ...]) -> Tensor:
        """Standard normal noise of `shape`, float32."""
        return normal_of_words(self._words(shape))

    def uniform(self, shape: tuple[Any, ...]) -> Tensor:
        """Uniform noise on [0, 1) of `shape`, float32."""
        top = ops.right_shift(self._words(shape), 8) & 0xFFFFFF
        return ops.cast(top, "float32") * 2.0**-24

    def _next_draw(self) -> int:
        self._draws += 1
        return self._draws

    def _words(self, shape: tuple[Any, ...]) -> Any:
        """Random int32 of `shape`, two from each call of the cipher."""
        draw, size = self._next_draw(), math.prod(shape[1:])
        pairs = -(-size // 2)
        if shape[0] % self._num_rows:
            keys, rows = self._all, 1
        else:
            keys, rows = self._rows, self._num_rows
        repeats = shape[0] // rows
        counters = ops.reshape(ops.arange(repeats * pairs, dtype="int32"), (repeats, 1, pairs))
        words = ops.concatenate(threefry(keys, ops.full_like(counters, draw), counters), axis=-1)
        return ops.reshape(words[..., :size], shape)


def normal_of_words(words: Any) -> Tensor:
    """Return the standard normal quantiles, float32, at the middles of 2^24 intervals of (0, 1).

    Args:
        words: int32, of which the upper 24 bits say which interval.
    """
    # Of (-1, 1), where these are exact in float32.
    middles = (ops.cast(ops.right_shift(words, 8), "float32") + 0.5) * 2.0**-23
    # TensorFlow's function loses digits near 1, where it ends in infinity, but not near -1.
    return -math.sqrt(2.0) * ops.sign(middles) * ops.erfinv(-ops.abs(middles))


def threefry(key: Any, first: Any, second: Any, rounds: int = ROUNDS) -> tuple[Any, Any]:
    """Return two random words from two key words and two counters (Salmon et al. 2011).

    The cipher Threefry-2x32, a bijection of the counters for each key, on 32-bit words as int32.

    Args:
        key: two tensors, int32.
        first: a counter, int32.
        second: another; all four broadcast against each other.
        rounds: how often the words are mixed.
    """
    keys = (key[0], key[1], key[0] ^ key[1] ^ _PARITY)
    first, second = first + keys[0], second + keys[1]
    for index in range(rounds):
        first = first + second
        second = _rotated(second, _ROTATIONS[index % 8]) ^ first
        if index % 4 == 3:
            group = index // 4 + 1
            first = first + keys[group % 3]
            second = second + keys[(group + 1) % 3] + group
    return first, second


def _rotated(words: Any, bits: int) -> Any:
    """Rotate int32 words to the left; their right shift repeats the sign, which is masked."""
    if hasattr(words, "__lshift__"):  # Keras' functions cost PyTorch more than the shifts do
        return (words << bits) | ((words >> (32 - bits)) & ((1 << bits) - 1))
    low = ops.right_shift(words, 32 - bits) & ((1 << bits) - 1)
    return ops.left_shift(words, bits) | low
