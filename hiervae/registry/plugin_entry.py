"""One row of the plugin listing."""

from __future__ import annotations

from dataclasses import dataclass

from hiervae.registry.distribution_names import normalize


@dataclass(frozen=True)
class PluginEntry:
    """An entry point as its distribution declares it; nothing is imported to know it.

    Attributes:
        group: entry-point group, one of `GROUPS`.
        name: the name users write.
        distribution: name of the distribution; None for an override.
        version: version of the distribution; None where it is not known.
        target: what the name stands for, `"module:Class"`.
        conflict: whether another entry offers the same name, so that only
            `"distribution:name"` tells them apart.
    """

    group: str
    name: str
    distribution: str | None
    version: str | None
    target: str
    conflict: bool = False

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

    def is_named(self, name: str, distribution: str = "") -> bool:
        """Whether this is the entry `name` of `distribution`, or of any if that is empty."""
        if self.name != name:
            return False
        return not distribution or normalize(self.distribution or "") == normalize(distribution)
