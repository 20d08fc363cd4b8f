"""The measures of a run as tables of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hiervae.runs.report_page import Markup, element, join, mapping, shown, table

SPLITS = ("train", "valid", "test")
NATS = "nats per example"

QUANTITIES = {
    "elbo": ("ELBO", NATS),
    "reconstruction": ("reconstruction (negative expected log-likelihood)", NATS),
    "kl": ("KL", NATS),
    "negative_log_likelihood": ("negative log-likelihood, importance-weighted", NATS),
    "standard_error": ("its standard error over the examples", NATS),
    "bits_per_dimension": ("the same in bits", "bits per dimension"),
    "num_examples": ("examples scored", ""),
    "length": ("length of the path", "latent units"),
    "straight_length": ("length of the straight line", "latent units"),
    "mean_absolute_error": ("mean absolute error of the angle", "radians"),
    "aligned_error": ("the same, latent space turned into place only", "radians"),
    "baseline_error": ("error of a constant guess", "radians"),
}
"""What the sections of `metrics.json` hold, with units."""

PROTOCOL = {
    "num_samples": "importance samples S an example",
    "prior_samples": "samples of the prior's own estimate K",
    "elbo_samples": "samples of the ELBO an example",
    "num_examples": "examples scored",
    "of_examples": "examples of the split",
}

KEY_FIGURES = {
    "negative_log_likelihood": "negative log-likelihood",
    "elbo": "ELBO",
    "reconstruction": "reconstruction",
    "kl": "KL",
}

LONG = ("node_ids",)
"""Entries that are no measures, but lists for programs."""


def scored_splits(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The splits that were scored, with their measures."""
    return {split: metrics[split] for split in SPLITS if mapping(metrics.get(split))}


def key_figures(metrics: Mapping[str, Any]) -> Markup:
    """The best known figures, of the test examples where there are any."""
    scored = scored_splits(metrics)
    if not scored:
        return Markup()
    split, record = list(scored.items())[-1]
    cards = []
    for key, label in KEY_FIGURES.items():
        if record.get(key) is None:
            continue
        note = NATS
        if key == "negative_log_likelihood":
            samples = mapping(record.get("protocol")).get("num_samples")
            note += f", ± {shown(record.get('standard_error'))}, S = {shown(samples)}"
        value = element("dd", shown(record[key]), element("small", note))
        cards.append(element("div", element("dt", f"{split}: {label}"), value))
    return element("dl", *cards, class_="key")


def measures(metrics: Mapping[str, Any], command: str) -> Markup:
    """All sections but that of the training.

    Args:
        metrics: what `metrics.json` holds.
        command: scores the run.
    """
    scored = scored_splits(metrics)
    pieces: list[object] = [_split_tables(scored, command)] if scored else []
    for name, record in metrics.items():
        if name in scored or name == "training":
            continue
        rows = [
            (*_quantity(key), value)
            for key, value in (mapping(record) or {name: record}).items()
            if key not in LONG
        ]
        heading = element("h3", name.replace("_", " ").capitalize())
        pieces += [heading, table(("measure", "unit", "value"), rows)]
    return join(*pieces)


def _split_tables(scored: Mapping[str, Mapping[str, Any]], command: str) -> Markup:
    keys = {key for record in scored.values() for key in record} - {"protocol"}
    rows = [
        (*_quantity(key), *(record.get(key) for record in scored.values()))
        for key in sorted(keys, key=_rank)
    ]
    found = table(
        ("measure", "unit", *scored),
        rows,
        "Means over the examples. The ELBO and its terms are at beta = 1.",
    )
    protocols = {split: mapping(record.get("protocol")) for split, record in scored.items()}
    known = {split: protocol for split, protocol in protocols.items() if protocol}
    if not known:
        note = "The log-likelihood has not been estimated yet; this adds it, with its protocol: "
        return join(found, element("p", note, element("code", command)))
    settings = dict.fromkeys(key for protocol in known.values() for key in protocol)
    lines = [
        (
            PROTOCOL.get(key, key.replace("_", " ")),
            *(_setting(key, protocol) for protocol in known.values()),
        )
        for key in settings
        if key != "split"
    ]
    caption = (
        "The importance-weighted estimate is a lower bound of the log-likelihood in expectation, "
        "which tightens with S and K (Burda et al. 2016)."
    )
    heading = element("h3", "Protocol of the log-likelihood")
    return join(found, heading, table(("setting", *known), lines, caption))


def _quantity(key: str) -> tuple[str, Markup]:
    level = key.removeprefix("kl_")
    default = (f"KL of level {level}", NATS) if level.isdigit() else (key.replace("_", " "), "")
    label, unit = QUANTITIES.get(key, default)
    return label, element("span", unit, class_="unit")


def _rank(key: str) -> tuple[int, int, str]:
    """The place of a measure in the tables: levels after their sum, unknown ones last."""
    level = key.removeprefix("kl_")
    name, number = ("kl", int(level)) if level.isdigit() else (key, 0)
    known = list(QUANTITIES)
    return known.index(name) if name in known else len(known), number, key


def _setting(key: str, protocol: Mapping[str, Any]) -> Any:
    value = protocol.get(key)
    return "none, it is exact" if key == "prior_samples" and value is None else value
