"""The checks of a part as tests of pytest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hiervae.testing import ConformanceError, list_checks, parametrize_with_checks
from hiervae.testing.outcomes import collect

from . import broken_overrides, mutants


class BreaksTwice(mutants.ClipsLatents, mutants.WeighsByPlace):
    """Two faults."""


@parametrize_with_checks("constant", beta=0.5)
def test_a_scheduler_by_name(check: Any) -> None:
    check()


@parametrize_with_checks(
    BreaksTwice, expected_failures={"tails": "clips latents", "order": "weighs rows by their place"}
)
def test_all_failures_are_found_and_may_be_expected(check: Any) -> None:
    check()


def cases(*args: Any, **kwargs: Any) -> dict[str, Any]:
    mark = parametrize_with_checks(*args, **kwargs).mark
    return {parameter.id: parameter for parameter in mark.args[1]}


def test_there_is_one_id_per_check() -> None:
    assert tuple(cases("vhp")) == list_checks("prior")
    assert tuple(cases({"name": "bernoulli"})) == list_checks("likelihood")
    assert tuple(cases("later", kind="network")) == list_checks("network")
    assert tuple(cases(mutants.CountsEpochs())) == list_checks("scheduler")


def test_what_comes_after_a_failure_is_skipped_and_not_passed() -> None:
    class Refuses(mutants.Normal):
        def build(self, input_shape: Any) -> None:
            raise TypeError("not today")

    found = cases(Refuses)
    with pytest.raises(ConformanceError, match="not today"):
        found["build"].values[0]()
    with pytest.raises(pytest.skip.Exception, match="the check 'build' failed before"):
        found["sampling"].values[0]()


def test_what_does_not_apply_is_skipped() -> None:
    check = cases("standard_normal")["pseudo_inputs"].values[0]
    with pytest.raises(pytest.skip.Exception, match="does not apply"):
        check()


def test_expected_failures_are_strict() -> None:
    (mark,) = cases("vhp", expected_failures={"tails": "an estimate"})["tails"].marks
    assert mark.kwargs == {"reason": "an estimate", "strict": True}


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"part": "vhp", "expected_failures": {"tail": "x"}}, r"names \['tail'\]; expected some"),
        ({"part": "nothing"}, "no part has this name.*kind='prior'"),
        ({"part": dict}, "dict derives from no base class"),
        ({"part": "vhp", "kind": "priors"}, "expected one of 'prior'"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        parametrize_with_checks(**arguments)


@pytest.mark.compiles(0)
def test_every_check_that_begins_is_listed_and_the_other_way_round() -> None:
    begun = set()
    for part in (broken_overrides.Whole, "standard_normal"):
        with collect() as outcomes:
            from hiervae.testing import check_prior

            check_prior(part)
        begun |= outcomes.begun
    assert begun | {"pseudo_inputs"} == set(list_checks("prior"))


def test_the_guide_names_every_check() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "plugins.md").read_text()
    named = set(re.findall(r"`(\w+)`", text))
    kinds = ("prior", "inference", "likelihood", "network", "scheduler")
    assert {name for kind in kinds for name in list_checks(kind)} <= named
