"""One row of the plugin listing, and when two names count as one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

BUILT_IN = "hiervae"
"""The distribution, and the package, of what hiervae itself offers."""


@dataclass(frozen=True)
class PluginEntry:
    """An entry point as its distribution declares it; nothing is imported to know it.

    Attributes:
        group: entry-point group, one of `GROUPS`.
        name: the name users write.
        distribution: name of the distribution; None for an override.
        version: version of the distribution; None where it is not known.
        target: what the name stands for, `"module:Class"` or `"module:function"`.
        conflict: whether another entry offers the same name, so that only
            `"distribution:name"` tells them apart.
        refusal: why the entry is refused whoever asks for it; empty for a sound entry.
    """

    group: str
    name: str
    distribution: str | None
    version: str | None
    target: str
    conflict: bool = False
    refusal: str = ""

    @property
    def qualified_name(self) -> str:
        """`"distribution:name"`, which names this entry even in a conflict."""
        return f"{self.distribution}:{self.name}" if self.distribution else self.name

    @property
    def origin(self) -> str:
        """Distribution, version and target, for messages."""
        if self.distribution is None:
            return f"override, target {self.target!r}"
        version = f" {self.version}" if self.version else ""
        return f"distribution {self.distribution!r}{version}, target {self.target!r}"

    @property
    def place(self) -> tuple[str, str]:
        """Module and name of the target, without the extras that may follow it."""
        module, _, name = self.target.partition("[")[0].partition(":")
        return module.strip(), name.strip()

    def is_named(self, name: str, distribution: str = "") -> bool:
        """Whether this is the entry `name` of `distribution`, or of any if that is empty."""
        if self.name != name:
            return False
        return not distribution or normalize(self.distribution or "") == normalize(distribution)


def normalize(distribution: str) -> str:
    """Return the spelling under which installers compare names: `My_Plugin` is `my-plugin`."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the one of `choices` that `word` most likely stands for, None if none is near."""
    by_spelling = {_fold(choice): choice for choice in choices}
    near = difflib.get_close_matches(_fold(word), by_spelling, n=1)
    return by_spelling[near[0]] if near else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return a sentence, with its leading space, that offers the nearest match, or nothing."""
    near = nearest(word, choices)
    return "" if near is None else f" Did you mean {near!r}?"


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")
