"""Spreading batches over the devices of a `keras.distribution`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import jax
import keras
from jax.sharding import NamedSharding, PartitionSpec

_hidden: Any = None


def distribution() -> Any:
    """The distribution in force, also within `hidden_from_keras`; None where there is none."""
    return keras.distribution.distribution() or _hidden


@contextmanager
def hidden_from_keras() -> Iterator[None]:
    """Keep Keras from putting batches on devices, which it can only where these divide the rows.

    A compiled step that receives the whole batch spreads it itself, unevenly if need be, so that a
    distributed training takes the batches of one on a single device.
    """
    global _hidden
    found = keras.distribution.distribution()
    if found is None:
        yield
        return
    _hidden = found
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(found)
        _hidden = None


def in_force() -> AbstractContextManager[Any]:
    """The context in which variables are made, laid out as the distribution wants them."""
    return nullcontext() if _hidden is None else _hidden.scope()


def batch_sharding() -> NamedSharding | None:
    """How the rows of a batch lie on the devices; None where there is no distribution."""
    found = distribution()
    return None if found is None else _layout(found.device_mesh.backend_mesh, found.batch_dim_name)


def replicated(sharding: NamedSharding | None) -> NamedSharding | None:
    """Whole copies on all devices of a sharding."""
    return None if sharding is None else _layout(sharding.mesh)


def _layout(mesh: Any, *axes: str) -> NamedSharding:
    specification: Any = PartitionSpec
    return NamedSharding(mesh, specification(*axes))


def spread(values: Any, sharding: NamedSharding | None) -> Any:
    """The arrays of a tree with their rows spread over the devices, within a compiled function."""
    if sharding is None:
        return values

    def rows_apart(array: Any) -> Any:
        return jax.lax.with_sharding_constraint(array, sharding) if array.ndim else array

    return jax.tree.map(rows_apart, values)
