"""The extension points: the entry-point groups that plugins register under."""

from __future__ import annotations

from hiervae.errors import RegistryError
from hiervae.registry.suggestions import did_you_mean

LABELS = {
    "hiervae.priors": "prior",
    "hiervae.inference": "inference scheme",
    "hiervae.schedulers": "scheduler",
    "hiervae.likelihoods": "likelihood",
    "hiervae.networks": "network",
}

GROUPS: tuple[str, ...] = tuple(LABELS)
"""Names of the entry-point groups."""


def label(group: str) -> str:
    """What a part of `group` is called in messages.

    Raises:
        RegistryError: if there is no such group.
    """
    if not isinstance(group, str) or group not in LABELS:
        raise RegistryError(
            f"Unknown plugin group {group!r}. Expected one of {', '.join(GROUPS)}."
            f"{did_you_mean(str(group), GROUPS)}"
        )
    return LABELS[group]
