"""Spreading batches over the devices of a `keras.distribution`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
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


def everywhere(values: Any, sharding: NamedSharding | None) -> Any:
    """The arrays of a tree as whole copies on all devices, within a compiled function."""
    whole = replicated(sharding)
    return values if whole is None else jax.lax.with_sharding_constraint(values, whole)


def _layout(mesh: Any, *axes: str) -> NamedSharding:
    specification: Any = PartitionSpec
    return NamedSharding(mesh, specification(*axes))


@dataclass(frozen=True)
class Layout:
    """How batches and state lie on the devices; one program is compiled for each.

    Attributes:
        batch: of the rows of a batch.
        state: of each array of the state, in the order of its leaves.
    """

    batch: NamedSharding
    state: tuple[NamedSharding, ...]

    @classmethod
    def of(cls, batch: NamedSharding, state: Any) -> Layout:
        """The layout of a state as it is; what lies on one device is to lie on all."""
        whole = _layout(batch.mesh)
        found = (leaf.sharding for leaf in jax.tree.leaves(state))
        return cls(batch, tuple(s if isinstance(s, NamedSharding) else whole for s in found))

    def lay_out(self, state: Any) -> Any:
        """The state in this layout, within a compiled function."""
        leaves, tree = jax.tree.flatten(state)
        placed = map(jax.lax.with_sharding_constraint, leaves, self.state)
        return jax.tree.unflatten(tree, placed)


def spread(values: Any, sharding: NamedSharding | None) -> Any:
    """The arrays of a tree with their rows spread over the devices, within a compiled function.

    XLA follows with vectors, such as weights; a short one, such as a key, it could not divide.
    """
    if sharding is None:
        return values

    def rows_apart(array: Any) -> Any:
        return jax.lax.with_sharding_constraint(array, sharding) if array.ndim > 1 else array

    return jax.tree.map(rows_apart, values)
