"""Messages for names that stand for nothing, or for several things, and for saved parts."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from importlib import metadata

from hiervae.registry import catalogue
from hiervae.registry.entries import PluginEntry, nearest, normalize
from hiervae.registry.roles import label
from hiervae.types import PartRecord

KNOWN_PLUGINS = {
    (f"hiervae.{group}", name): f"hiervae-{distribution}"
    for group, distribution, names in (
        ("inference", "flows", "iaf_posterior"),
        ("likelihoods", "counts", "poisson negative_binomial zero_inflated_negative_binomial"),
        ("likelihoods", "counts", "categorical laplace"),
        ("likelihoods", "logistics", "logistic_mixture"),
        ("likelihoods", "tfp", "tfp"),
        ("priors", "exemplar", "exemplar vamp_mixture"),
        ("priors", "flows", "realnvp maf iaf"),
        ("priors", "posthoc", "posthoc_mixture"),
        ("priors", "student-t", "student_t"),
        ("priors", "tfp", "tfp"),
        ("schedulers", "controllers", "cyclical pid capacity free_bits rewo_later"),
    )
    for name in names.split()
}
"""Distribution to install for a (group, name) that is not built in."""


def conflict(kind: str, name: str, matches: Sequence[PluginEntry]) -> str:
    """Return why `name` is ambiguous and how to choose."""
    origins = " and ".join(row.origin for row in matches)
    choices = sorted({row.qualified_name for row in matches})
    if len(choices) == 1:
        return (
            f"The {kind} {name!r} is declared more than once by one distribution: {origins}. "
            "Expected one target. Install a repaired version of it, or pass the class itself."
        )
    return (
        f"The {kind} {name!r} is offered by {len(choices)} distributions: {origins}. "
        f"Write {' or '.join(map(repr, choices))} to choose one, or uninstall the other."
    )


def unknown(group: str, name: str, distribution: str, rows: Sequence[PluginEntry]) -> str:
    """Return why `name` (of `distribution`, unless empty) is not among `rows` and what to do."""
    asked = f"{distribution}:{name}" if distribution else name
    sound = [row for row in rows if not row.refusal]
    names = sorted({row.qualified_name if distribution else row.name for row in sound})
    message = f"Unknown {label(group)} {asked!r}. Available: {', '.join(names)}."
    way_out = _switched_off(group, name, distribution) or _to_install(group, name, distribution)
    if way_out:
        return message + way_out
    known = [other for owner, other in KNOWN_PLUGINS if owner == group]
    near = nearest(asked, names if distribution else [*names, *known])
    if near is not None:
        message += f" Did you mean {near!r}?" + ("" if near in names else _to_install(group, near))
    message += "".join(f" {row.refusal}" for row in rows if not row.name.strip())
    damaged = "; ".join(catalogue.unreadable())
    return message + (f" Metadata is damaged, reinstall: {damaged}." if damaged else "")


def not_installed(group: str, saved: PartRecord) -> str:
    """Return which distribution and version to install for a saved part."""
    name, distribution = str(saved.name), str(saved.distribution)
    message = (
        f"The {label(group)} {name!r} was saved with distribution {distribution!r} "
        f"{saved.version or '(version unknown)'}"
    )
    switched_off = _switched_off(group, name, distribution)
    if switched_off:
        return f"{message}.{switched_off}"
    try:
        installed = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return f"{message}, which is not installed. {_run(distribution, saved)}"
    if installed == saved.version:
        return f"{message}, which was installed meanwhile: call hiervae.registry.refresh()."
    return f"{message}; the installed {installed} lacks it. {_run(distribution, saved)}"


def not_overridden(group: str, name: str) -> str:
    """Return how to make a part known that was saved while its name was overridden."""
    return (
        f"The {label(group)} {name!r} was saved from a class that no distribution offers, under an "
        "override of this name, which is not active. Expected the same override, whatever is "
        f"installed. Load it within hiervae.registry.override({group!r}, {name!r}, the class)."
    )


def not_rebuilt(kind: str, entry: PluginEntry, saved: PartRecord, error: Exception) -> str:
    """Return why a saved config could not be turned into a part again."""
    message = (
        f"The {kind} {entry.name!r} ({entry.origin}) cannot be rebuilt from its saved config: "
        f"{reason(error)}"
    )
    if saved.distribution is None or saved.version == entry.version:
        return f"{message}. Expected what get_config() returned; use an intact file."
    return (
        f"{message}. It was saved with version {saved.version}. {_run(saved.distribution, saved)}"
    )


def reason(error: BaseException) -> str:
    """Return type and text of an exception in one line, without Keras' config before it."""
    text = str(error).rpartition("Exception encountered: ")[2]
    return f"{type(error).__name__}: {textwrap.shorten(text, 300)}"


def received(value: object) -> str:
    """Return a value and its type in one line of moderate length, whatever its class is."""
    try:
        text = repr(value)
    except Exception:  # a plugin's own class may fail here too
        text = "an object"
    return f"{shortened(text)} of type {type(value).__name__}"


def shortened(text: str, width: int = 100) -> str:
    """Return a text in one line of at most `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 4]} ..."


def older_than_saved(kind: str, entry: PluginEntry, saved: PartRecord) -> str:
    """Return that the installed version is older than the one a part was saved with."""
    return (
        f"The {kind} {entry.name!r} was saved with distribution {entry.distribution!r} "
        f"{saved.version}, and the installed version {entry.version} is older: the part may behave "
        f"otherwise. {_run(str(saved.distribution), saved)}"
    )


def requirement(distribution: str, version: str | None = None) -> str:
    """Return the command that installs `distribution`, in exactly `version` where one is given."""
    pinned = f"{distribution}=={version}" if version else distribution
    return f'pip install "{pinned}"'


def _run(distribution: str, saved: PartRecord) -> str:
    return f"Run `{requirement(distribution, saved.version)}`"


def _switched_off(group: str, name: str, distribution: str) -> str:
    """That plugins of this name are installed but disabled, if so."""
    hidden = [row for row in catalogue.installed(group) if row.is_named(name, distribution)]
    if not hidden or not catalogue.plugins_disabled():
        return ""
    return (
        f" It is installed ({'; '.join(row.origin for row in hidden)}), but "
        f"{catalogue.DISABLE_VARIABLE} leaves only the built-in parts; unset it."
    )


def _to_install(group: str, name: str, distribution: str = "") -> str:
    """What to install, if the name is known."""
    known = KNOWN_PLUGINS.get((group, name))
    if known is None or (distribution and normalize(distribution) != known):
        return ""
    return f" It comes with a plugin: {requirement(known)}"
