"""Temporary plugins, for tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from hiervae.errors import IncompatiblePluginError
from hiervae.registry.groups import label

_overrides: ContextVar[Mapping[tuple[str, str], type | str]] = ContextVar(
    "hiervae_registry_overrides", default=MappingProxyType({})
)


@contextmanager
def override(group: str, name: str, target: type | str) -> Iterator[None]:
    """Let `name` stand for `target` within the context, whether it is installed or not.

    Contexts nest, and each thread and asynchronous task sees its own. `"distribution:name"` is
    not affected.

    Args:
        group: entry-point group, one of `GROUPS`.
        name: the name to define or to replace.
        target: the class, or `"module:Class"`, which is imported when the name is asked for.

    Raises:
        RegistryError: if there is no such group.
        IncompatiblePluginError: if `target` is neither a class nor a string.
    """
    kind = label(group)
    if not isinstance(target, (type, str)):
        raise IncompatiblePluginError(
            f"The override of {kind} {name!r} is {target!r} of type {type(target).__name__}. "
            'Expected a class or a string "module:Class".'
        )
    token = _overrides.set({**_overrides.get(), (group, name): target})
    try:
        yield
    finally:
        _overrides.reset(token)


def active(group: str) -> dict[str, type | str]:
    """The overrides of `group` in this context, by name."""
    return {name: target for (owner, name), target in _overrides.get().items() if owner == group}


def target_of(target: type | str) -> str:
    """`"module:Class"` of an override."""
    if isinstance(target, str):
        return target
    return f"{target.__module__}:{target.__qualname__}"
