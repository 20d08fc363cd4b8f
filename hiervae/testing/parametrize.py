"""The checks of a part as tests of pytest, one each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from hiervae import registry
from hiervae.testing import inference, likelihoods, networks, priors, schedulers
from hiervae.testing.outcomes import Outcomes, collect

_KINDS: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "prior": (priors.check_prior, priors.CHECKS),
    "inference": (inference.check_inference, inference.CHECKS),
    "likelihood": (likelihoods.check_likelihood, likelihoods.CHECKS),
    "network": (networks.check_network, networks.CHECKS),
    "scheduler": (schedulers.check_scheduler, schedulers.CHECKS),
}


def list_checks(kind: str) -> tuple[str, ...]:
    """Return the names of the checks of a kind of part, in the order in which they begin.

    Args:
        kind: "prior", "inference", "likelihood", "network" or "scheduler".

    Raises:
        ValueError: if there is no such kind.

    Example:
        >>> "sampling" in list_checks("prior")
        True
    """
    if kind not in _KINDS:
        raise ValueError(f"kind={kind!r}: expected one of {', '.join(map(repr, _KINDS))}.")
    return _KINDS[kind][1]


class _Run:
    """One run of all checks of a part, made when the first test asks for it."""

    def __init__(self, kind: str, part: Any, options: Mapping[str, Any]) -> None:
        self._check, self._part, self._options = _KINDS[kind][0], part, options

    @cached_property
    def outcomes(self) -> Outcomes:
        """What became of the checks."""
        with collect() as outcomes:
            self._check(self._part, **self._options)
        return outcomes


class CheckOfPart:
    """One check of a part; calling it raises what failed, or skips what did not take place.

    Attributes:
        name: name of the check.
    """

    def __init__(self, name: str, run: _Run) -> None:
        self.name = name
        self._run = run

    def __call__(self) -> None:
        """Report the check.

        Raises:
            ConformanceError: if it failed; what else failed in it is in the exception's notes.
        """
        import pytest

        outcomes = self._run.outcomes
        failures = outcomes.of(self.name)
        if failures:
            first, *others = failures
            for other in others:
                first.add_note(f"It also failed with: {other}")
            raise first
        if self.name in outcomes.begun:
            return
        if outcomes.failures:
            failed = outcomes.failures[0].check
            pytest.skip(f"not reached, or does not apply; the check {failed!r} failed before")
        pytest.skip("does not apply to this part")


def parametrize_with_checks(
    part: Any,
    *,
    kind: str | None = None,
    expected_failures: Mapping[str, str] | None = None,
    **options: Any,
) -> Any:
    """Return a decorator of a test `def test_x(check): check()`, one test per check of a part.

    The checks run together when the first of the tests does, go on after a failure, and each test
    reports its own. A check that cannot be reached after the failure of another is skipped, as is
    one that does not apply, such as `pseudo_inputs` of a prior without any.

    Args:
        part: a name, `"distribution:name"`, a config, a class or an instance.
        kind: one of those of `list_checks`; found out from the part where it is left out.
        expected_failures: the reason by the name of a check. It has to fail: the test is marked
            `xfail(strict=True)`.
        **options: what the check function of the kind takes, such as the part's options.

    Raises:
        ImportError: if pytest is not installed.
        ValueError: if the kind is unknown or unclear, or `expected_failures` names no check.
    """
    try:
        import pytest
    except ImportError as error:
        raise ImportError("parametrize_with_checks needs pytest: pip install pytest") from error

    names = list_checks(kind or _kind_of(part))
    reasons = dict(expected_failures or {})
    unknown = sorted(set(reasons) - set(names))
    if unknown:
        raise ValueError(f"expected_failures names {unknown}; expected some of {list(names)}.")
    run = _Run(kind or _kind_of(part), part, options)
    cases = []
    for name in names:
        marks = [pytest.mark.xfail(reason=reasons[name], strict=True)] if name in reasons else []
        cases.append(pytest.param(CheckOfPart(name, run), id=name, marks=marks))
    return pytest.mark.parametrize("check", cases)


def _kind_of(part: Any) -> str:
    """The kind of a part, from its base class or from the groups that have its name."""
    if isinstance(part, (str, Mapping)):
        name = str(part if isinstance(part, str) else part.get("name")).rpartition(":")[2]
        kinds = [
            role for role, of in registry.ROLES.items() if name in registry.available(of.group)
        ]
        if len(kinds) == 1:
            return kinds[0]
        found = f"parts of the kinds {kinds} have this name" if kinds else "no part has this name"
    else:
        part_class = part if isinstance(part, type) else type(part)
        for role, of in registry.ROLES.items():
            if issubclass(part_class, of.base_class()):
                return role
        found = f"{part_class.__name__} derives from no base class of a part"
    raise ValueError(
        f"part={part!r}: {found}. Install the distribution that has it, or say the kind, such as "
        "kind='prior'."
    )
