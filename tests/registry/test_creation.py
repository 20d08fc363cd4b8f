import sys
from abc import ABC, abstractmethod
from typing import ClassVar

import pytest

from hiervae import registry
from hiervae.errors import IncompatiblePluginError, UnknownPluginError
from hiervae.registry import InvalidOptionError

PRIORS = "hiervae.priors"


@pytest.fixture
def toy(site, toy_interface):
    """The base class; `wide` and `clash` are installed, the latter by two distributions."""
    site.module(
        "toy_parts",
        """
        from toy_interface import Toy

        class Wide(Toy):
            pass

        class Clash(Toy):
            pass
        """,
    )
    points = {"wide": "toy_parts:Wide", "clash": "toy_parts:Clash"}
    site.distribution("toy-one", {PRIORS: points})
    site.distribution("toy-two", {PRIORS: {"clash": "toy_parts:Wide"}})
    return toy_interface.Toy


@pytest.mark.parametrize(
    ("spec", "class_name", "width"),
    [
        ("wide", "Wide", 2),
        ("toy-one:wide", "Wide", 2),
        ({"name": "wide"}, "Wide", 2),
        ({"name": "wide", "width": 7}, "Wide", 7),
        ({"name": "toy-one:clash", "width": 7}, "Clash", 7),
        ({"name": "toy-two:clash"}, "Wide", 2),
    ],
)
def test_a_part_is_made_from_what_users_write(toy, spec, class_name, width):
    part = registry.create(PRIORS, spec, toy)
    assert type(part).__name__ == class_name
    assert part.width == width


def test_a_config_dict_is_left_as_it_is(toy):
    spec = {"name": "wide", "width": 7}
    registry.create(PRIORS, spec, toy)
    assert spec == {"name": "wide", "width": 7}


def test_a_class_is_instantiated_and_an_instance_returned(toy):
    class Own(toy):
        pass

    assert type(registry.create(PRIORS, Own, toy)) is Own
    part = Own(width=5)
    assert registry.create(PRIORS, part, toy) is part


def test_a_class_and_an_instance_need_no_installed_metadata(toy, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    registry.refresh()
    assert type(registry.create(PRIORS, toy, toy)) is toy


@pytest.mark.parametrize("spec", [None, 3, 2.5, ["wide"], ("wide", {}), object(), b"wide"])
def test_other_forms_are_refused_with_what_is_accepted(toy, spec):
    with pytest.raises(IncompatiblePluginError, match=r"Expected a name.*toy_interface\.Toy"):
        registry.create(PRIORS, spec, toy)


@pytest.mark.parametrize("spec", [{}, {"width": 3}, {"name": None}, {"name": 3}])
def test_a_config_dict_without_a_name_is_refused(toy, spec):
    with pytest.raises(InvalidOptionError, match=r'Expected a dict \{"name"'):
        registry.create(PRIORS, spec, toy)


def test_an_option_that_is_no_string_is_refused(toy):
    with pytest.raises(InvalidOptionError, match=r"keys \[3\]"):
        registry.create(PRIORS, {"name": "wide", 3: 4}, toy)


def test_an_unknown_name_in_a_config_dict(toy):
    with pytest.raises(UnknownPluginError, match="Did you mean 'wide'"):
        registry.create(PRIORS, {"name": "wider"}, toy)


@pytest.mark.parametrize("spec", [dict, type("Stranger", (), {})])
def test_a_class_of_another_kind_is_refused(toy, spec):
    with pytest.raises(IncompatiblePluginError, match=r"expected a subclass of toy_interface\.Toy"):
        registry.create(PRIORS, spec, toy)


def test_a_plugin_of_another_kind_is_refused_with_its_distribution(site, toy):
    site.module("toy_stranger", "class Stranger: pass")
    site.distribution("toy-stranger", {PRIORS: {"odd": "toy_stranger:Stranger"}}, version="4.2")
    with pytest.raises(
        IncompatiblePluginError,
        match=r"'odd' \(distribution 'toy-stranger' 4\.2.*toy_stranger\.Stranger.*toy_interface",
    ):
        registry.create(PRIORS, "odd", toy)


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_another_interface_version_is_refused_before_the_part_is_made(toy, version):
    class Own(toy):
        interface_version: ClassVar = version

        def __init__(self):
            raise AssertionError("constructed")

    with pytest.raises(IncompatiblePluginError, match=rf"version {version!r} .*version 1\. Inst"):
        registry.create(PRIORS, Own, toy)


def test_an_instance_of_another_interface_version_is_refused(toy):
    class Own(toy):
        interface_version: ClassVar = 2

    with pytest.raises(IncompatiblePluginError, match="interface version 2"):
        registry.create(PRIORS, Own(), toy)


def test_the_same_interface_version_may_be_stated(toy):
    class Own(toy):
        interface_version: ClassVar = 1

    assert type(registry.create(PRIORS, Own, toy)) is Own


def test_an_abstract_class_is_refused_with_what_it_lacks():
    class Base(ABC):
        @abstractmethod
        def sample(self): ...

        @abstractmethod
        def log_prob(self): ...

    class Half(Base):
        def sample(self):
            return 0

    with pytest.raises(IncompatiblePluginError, match=r"Half lacks log_prob\."):
        registry.create(PRIORS, Half, Base)
