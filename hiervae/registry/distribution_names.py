"""Names of distributions: the spelling that counts as equal, and where known plugins come from."""

from __future__ import annotations

import re

BUILT_IN = "hiervae"
"""The distribution of the built-in parts."""

KNOWN_PLUGINS = {
    ("hiervae.priors", "student_t"): "hiervae-student-t",
}
"""Distribution to install for a (group, name) that is not built in."""


def normalize(distribution: str) -> str:
    """The spelling under which package installers compare names: `My_Plugin` is `my-plugin`."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def requirement(distribution: str, version: str | None = None) -> str:
    """The command that installs `distribution`, in exactly `version` where one is given."""
    pinned = f"{distribution}=={version}" if version else distribution
    return f'pip install "{pinned}"'
