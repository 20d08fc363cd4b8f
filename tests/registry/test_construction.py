from dataclasses import dataclass
from typing import NamedTuple

import pytest

from hiervae import registry
from hiervae.errors import BrokenPluginError, DataError
from hiervae.registry import InvalidOptionError

SCHEDULERS = "hiervae.schedulers"


class Base:
    pass


def create(part_class, **options):
    with registry.override(SCHEDULERS, "toy", part_class):
        return registry.create(SCHEDULERS, {"name": "toy", **options}, Base)


class Plain(Base):
    def __init__(self, kappa, *, tau=3.0):
        if not isinstance(kappa, float):
            kappa + None
        if kappa < 0:
            raise ValueError("kappa is negative")
        self.kappa, self.tau = kappa, tau


class HandsOn(Plain):
    def __init__(self, nu=1.0, **kwargs):
        super().__init__(**kwargs)
        self.nu = nu


class Swallows(Base):
    def __init__(self, **anything):
        self.anything = anything


@dataclass(frozen=True)
class Frozen(Base):
    kappa: float
    tau: float = 3.0


class NoConstructor(Base):
    pass


def test_options_reach_the_constructor():
    assert create(Plain, kappa=0.5, tau=1.0).tau == 1.0
    assert create(Frozen, kappa=0.5).kappa == 0.5
    assert create(HandsOn, kappa=0.5, nu=2.0, tau=7.0).tau == 7.0
    assert create(Swallows, what="ever").anything == {"what": "ever"}
    assert type(create(NoConstructor)) is NoConstructor


@pytest.mark.parametrize("part_class", [Plain, Frozen, HandsOn])
def test_an_unknown_option_lists_the_accepted_ones_and_the_nearest(part_class):
    with pytest.raises(InvalidOptionError, match="does not know the option 'taus'") as caught:
        create(part_class, kappa=0.5, taus=1.0)
    message = str(caught.value)
    listed = message.split("Accepted options: ")[1].split(".")[0].split(", ")
    assert listed == (["nu"] if part_class is HandsOn else []) + ["kappa", "tau"]
    assert "Did you mean 'tau'?" in message
    assert isinstance(caught.value, ValueError)


def test_a_part_without_options_says_so():
    with pytest.raises(InvalidOptionError, match="Accepted options: none"):
        create(NoConstructor, tau=1.0)


def test_a_class_with_its_own_new_is_understood():
    class Fields(NamedTuple):
        kappa: float

    class Both(Fields, Base):
        pass

    assert create(Both, kappa=0.5).kappa == 0.5
    with pytest.raises(InvalidOptionError, match="Accepted options: kappa"):
        create(Both, kappa=0.5, tau=1.0)


@pytest.mark.parametrize("part_class", [Plain, Frozen])
def test_a_missing_option_is_named(part_class):
    with pytest.raises(InvalidOptionError, match=r"needs the option 'kappa'\. Accepted"):
        create(part_class)


def test_a_missing_option_that_was_misspelt_is_recognised():
    class Open(Base):
        def __init__(self, kappa, **anything):
            self.kappa = kappa

    with pytest.raises(InvalidOptionError, match=r"needs the option 'kappa'.*'kapa' may stand for"):
        create(Open, kapa=0.5)


def test_a_value_that_is_refused_keeps_the_reason():
    with pytest.raises(InvalidOptionError, match="kappa is negative") as caught:
        create(Plain, kappa=-1.0)
    assert type(caught.value.__cause__) is ValueError


def test_a_type_error_from_deeper_down_is_not_masked():
    for part_class in (Plain, HandsOn):
        with pytest.raises(TypeError, match="unsupported operand") as caught:
            create(part_class, kappa=1)
        assert type(caught.value) is TypeError
        assert any("toy" in note for note in caught.value.__notes__)


def test_a_keyword_error_from_deeper_down_is_not_masked():
    class Helpless(Base):
        def __init__(self, kappa=1.0):
            Plain(kappa=kappa, taus=3.0)

    with pytest.raises(TypeError, match="unexpected keyword argument 'taus'") as caught:
        create(Helpless, kappa=1.0)
    assert type(caught.value) is TypeError


def test_an_error_of_the_package_passes():
    class Picky(Base):
        def __init__(self):
            raise DataError("bad data")

    with pytest.raises(DataError, match="bad data"):
        create(Picky)


def test_any_other_failure_of_a_plugin_is_a_broken_plugin():
    class Fails(Base):
        def __init__(self):
            raise ZeroDivisionError("oh\nno")

    with pytest.raises(BrokenPluginError, match="ZeroDivisionError: oh no") as caught:
        create(Fails)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError, match="oh\nno"):
        registry.create(SCHEDULERS, Fails, Base)
