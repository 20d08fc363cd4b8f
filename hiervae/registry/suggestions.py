"""The nearest match to a misspelt name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The one of `choices` that `word` most likely stands for; None if none is near."""
    by_spelling = {_fold(choice): choice for choice in choices}
    near = difflib.get_close_matches(_fold(word), by_spelling, n=1)
    return by_spelling[near[0]] if near else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A sentence, with its leading space, that offers the nearest match; empty if none is near."""
    near = nearest(word, choices)
    return "" if near is None else f" Did you mean {near!r}?"


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")
