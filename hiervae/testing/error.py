"""The exception of a part that does not keep the contract of its kind."""

from __future__ import annotations

from hiervae.errors import HiervaeError


class ConformanceError(HiervaeError, AssertionError):
    """A part failed a conformance check.

    Attributes:
        part: what was checked, such as "check_prior(MyPrior)".
        check: name of the check that failed, such as "seeds".
        got: what the part did.
        expected: what the contract asks for.
        fix: how to mend it.
    """

    def __init__(self, part: str, check: str, got: str, expected: str, fix: str) -> None:
        super().__init__(part, check, got, expected, fix)
        self.part = part
        self.check = check
        self.got = got
        self.expected = expected
        self.fix = fix

    def __str__(self) -> str:
        """One sentence each: the check, what was got, what was expected, the mend."""
        return (
            f"{self.part} failed the check {self.check!r}. Got {self.got}. "
            f"Expected {self.expected}. {self.fix}"
        )
