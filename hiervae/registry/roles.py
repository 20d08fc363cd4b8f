"""The extension points: what a plugin can be, and the entry-point group it registers under.

This is the one table of roles; a command, a model or a test that goes through all of them reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from hiervae.errors import RegistryError
from hiervae.registry.entries import did_you_mean


@dataclass(frozen=True)
class Role:
    """One kind of part.

    Attributes:
        name: the constructor argument of a model that takes such a part; "scheduler" is the first
            argument of a `BetaController`.
        group: the entry-point group.
        label: what such a part is called in messages.
        base: `"module:Class"` that its classes derive from.
    """

    name: str
    group: str
    label: str
    base: str

    def base_class(self) -> type:
        """The class that parts of this role derive from; its module is imported."""
        module, _, name = self.base.partition(":")
        found: type = getattr(import_module(module), name)
        return found


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Role("prior", "hiervae.priors", "prior", "hiervae.priors.base:Prior"),
        Role(
            "inference",
            "hiervae.inference",
            "inference scheme",
            "hiervae.inference.base:InferenceScheme",
        ),
        Role("scheduler", "hiervae.schedulers", "scheduler", "hiervae.schedulers.base:Scheduler"),
        Role(
            "likelihood", "hiervae.likelihoods", "likelihood", "hiervae.likelihoods.base:Likelihood"
        ),
        Role("network", "hiervae.networks", "network", "hiervae.networks.base:Network"),
    )
}
"""The roles by name."""

FUNCTIONS: dict[str, str] = {"hiervae.datasets": "data set", "hiervae.presets": "preset"}
"""Groups whose entry points name a function instead of the class of a part, with their labels."""

GROUPS: tuple[str, ...] = (*(role.group for role in ROLES.values()), *FUNCTIONS)
"""Names of the entry-point groups: those of the roles, then those of functions."""

_LABELS = {role.group: role.label for role in ROLES.values()} | FUNCTIONS


def label(group: str) -> str:
    """Return what an entry of `group` is called in messages.

    Raises:
        RegistryError: if there is no such group.
    """
    if not isinstance(group, str) or group not in _LABELS:
        raise RegistryError(
            f"Unknown plugin group {group!r}. Expected one of {', '.join(GROUPS)}."
            f"{did_you_mean(str(group), GROUPS)}"
        )
    return _LABELS[group]


def form(group: str) -> str:
    """Return what the entry points of `group` name: "class" or "function"."""
    return "function" if group in FUNCTIONS else "class"


def is_target(group: str, target: object) -> bool:
    """Return whether an entry point of `group` may name `target`."""
    is_class = isinstance(target, type)
    return callable(target) and not is_class if group in FUNCTIONS else is_class


def part_label(group: str) -> str:
    """Return what a part of `group` is called in messages.

    Raises:
        RegistryError: if there is no such group, or its entries are functions.
    """
    found = label(group)
    if group in FUNCTIONS:
        raise RegistryError(
            f"The group {group!r} holds functions, not parts of a model. Expected one of "
            f"{', '.join(role.group for role in ROLES.values())}; call the function by "
            f"`{group}`, or get it from `hiervae.registry.load`."
        )
    return found
