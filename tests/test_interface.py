"""What authors of plugins may import stays: names, and how they are called.

`python -m tests.test_interface` writes the listing anew. A name that goes, or a call that changes,
breaks other people's plugins: raise `interface_version` of the base classes then.
"""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from hiervae import registry

LISTING = Path(__file__).with_name("interface.json")

MODULES = (
    "hiervae.part",
    "hiervae.types",
    "hiervae.random",
    "hiervae.errors",
    "hiervae.options",
    "hiervae.math",
    "hiervae.testing",
)
BASES = (
    "hiervae.types:Shape",
    "hiervae.types:Config",
    *(role.base for role in registry.ROLES.values()),
    "hiervae.priors.mixture:Mixture",
    "hiervae.inference.stacked:StackedScheme",
    "hiervae.inference.passes:Level",
    "hiervae.inference.passes:InferencePass",
    "hiervae.inference.passes:GenerativePass",
    "hiervae.networks.base:build_block",
    "hiervae.networks.normal_head:NormalHead",
    "hiervae.distributions:DiagonalNormal",
    "hiervae.distributions:kl_divergence",
)


def arguments(function: Any) -> str:
    """How something is called, without annotations."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    bare = [
        each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()
    ]
    return str(inspect.Signature(bare))


def members(owner: type) -> dict[str, str]:
    """The public members that the package's own classes define."""
    found: dict[str, str] = {}
    for base in reversed(owner.__mro__):
        if base.__module__.partition(".")[0] == "hiervae":
            for name, value in vars(base).items():
                if not name.startswith("_"):
                    found[name] = arguments(value) if inspect.isfunction(value) else "attribute"
    return dict(sorted(found.items()))


def entry(value: Any) -> Any:
    if inspect.isclass(value):
        if issubclass(value, BaseException):
            return [base.__name__ for base in value.__mro__ if base.__module__ == "hiervae.errors"]
        return {"(...)": arguments(value), **members(value)}
    return arguments(value) if inspect.isroutine(value) else "value"


def current() -> dict[str, Any]:
    listing: dict[str, Any] = {}
    for module in map(import_module, MODULES):
        public = getattr(module, "__all__", None)
        for name, value in sorted(vars(module).items()):
            own = getattr(value, "__module__", module.__name__) == module.__name__
            is_public = name in public if public else own and not inspect.ismodule(value)
            if is_public and not name.startswith("_") and name != "TYPE_CHECKING":
                listing[f"{module.__name__}.{name}"] = entry(value)
    for base in BASES:
        module_name, _, name = base.partition(":")
        listing[f"{module_name}.{name}"] = entry(getattr(import_module(module_name), name))
    versions = {
        role.name: getattr(role.base_class(), "interface_version", None)
        for role in registry.ROLES.values()
    }
    return {"interface_version": versions, "names": listing}


def flat(listing: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in listing.items():
        if isinstance(value, dict):
            found.update({f"{name}.{key}": each for key, each in value.items()})
        else:
            found[name] = value
    return found


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What of the old listing is gone or called otherwise."""
    after = flat(new)
    return [
        f"{name}: was {value}, is {after.get(name, 'gone')}"
        for name, value in flat(old).items()
        if after.get(name) != value
    ]


# Keras' own classes among the bases look the same on every backend; one tests them.
@pytest.mark.backends("torch")
def test_nothing_of_the_interface_is_gone_or_called_otherwise() -> None:
    old, new = json.loads(LISTING.read_text()), json.loads(json.dumps(current()))
    assert new["interface_version"] == old["interface_version"]
    assert changes(old["names"], new["names"]) == []


@pytest.mark.backends("torch")
def test_what_is_new_is_listed() -> None:
    old, new = json.loads(LISTING.read_text()), current()
    assert sorted(set(flat(new["names"])) - set(flat(old["names"]))) == []


def test_a_change_is_seen() -> None:
    old = {"a.f": "(x)", "a.C": {"m": "(self)", "n": "(self)"}}
    new = {"a.f": "(x, y)", "a.C": {"m": "(self)", "more": "(self)"}}
    assert changes(old, new) == ["a.f: was (x), is (x, y)", "a.C.n: was (self), is gone"]


def test_the_page_names_every_module_and_base() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "plugin-interface.md").read_text()
    assert [name for name in MODULES if name not in page] == []
    assert [base for base in BASES if base.partition(":")[2] not in page] == []


if __name__ == "__main__":
    LISTING.write_text(json.dumps(current(), indent=1, default=str) + "\n")
