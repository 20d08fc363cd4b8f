"""The metrics of a run as tables of its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hiervae.reports.tables import NATS, Block, Cell, mapping, shown, table

SPLITS = ("train", "valid", "test")

QUANTITIES = {
    "elbo": ("ELBO", NATS),
    "reconstruction": ("reconstruction (negative expected log-likelihood)", NATS),
    "kl": ("KL", NATS),
    "negative_log_likelihood": ("negative log-likelihood, importance-weighted", NATS),
    "standard_error": ("its standard error over the examples", NATS),
    "bits_per_dimension": ("the same in bits", "bits per dimension"),
    "sampling_error": ("the share of it that is due to the importance samples", NATS),
    "median_effective_sample_size": ("effective sample size, median", ""),
    "smallest_effective_sample_size": ("effective sample size, smallest", ""),
    "degenerate_examples": ("examples with an effective sample size below 2", ""),
    "num_examples": ("examples scored", ""),
    "length": ("length of the path", "latent units"),
    "straight_length": ("length of the straight line", "latent units"),
    "mean_absolute_error": ("mean absolute error of the angle", "radians"),
    "aligned_error": ("the same, latent space turned into place only", "radians"),
    "baseline_error": ("error of a constant guess", "radians"),
    "mig": ("mutual information gap of the labels", ""),
    "completeness": ("completeness: 1 where one unit tells all of the labels", ""),
    "best_unit_share": ("what the best unit tells of the labels", "share of their entropy"),
    "best_unit": ("the best unit, from 0", ""),
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
"""Entries that are no metrics, but lists for programs."""


@dataclass(frozen=True)
class Card:
    """A number that is shown large.

    Attributes:
        label: what it is.
        value: the number.
        note: its unit and protocol.
    """

    label: str
    value: Any
    note: str


def scored_splits(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the splits that were scored, with their metrics."""
    return {split: metrics[split] for split in SPLITS if mapping(metrics.get(split))}


def cards(metrics: Mapping[str, Any]) -> list[Card]:
    """Choose the best known numbers, of the test examples where there are any."""
    scored = scored_splits(metrics)
    if not scored:
        return []
    split, record = list(scored.items())[-1]
    found = []
    for key, label in KEY_FIGURES.items():
        if record.get(key) is None:
            continue
        note = NATS
        if key == "negative_log_likelihood":
            samples = mapping(record.get("protocol")).get("num_samples")
            note += f", ± {shown(record.get('standard_error'))}, S = {shown(samples)}"
        found.append(Card(f"{split}: {label}", record[key], note))
    return found


def metric_tables(metrics: Mapping[str, Any], command: str) -> list[Block]:
    """Make the tables of all sections but that of the training.

    Args:
        metrics: what `metrics.json` holds.
        command: scores the run.
    """
    scored = scored_splits(metrics)
    blocks = _split_tables(scored, command) if scored else []
    for name, record in metrics.items():
        if name in scored or name == "training":
            continue
        rows = [
            (*_quantity(key), value)
            for key, value in (mapping(record) or {name: record}).items()
            if key not in LONG
        ]
        heading = name.replace("_", " ").capitalize()
        blocks.append(Block(table(("metric", "unit", "value"), rows), heading))
    return blocks


def _split_tables(scored: Mapping[str, Mapping[str, Any]], command: str) -> list[Block]:
    keys = {key for record in scored.values() for key in record} - {"protocol"}
    rows = [
        (*_quantity(key), *(record.get(key) for record in scored.values()))
        for key in sorted(keys, key=_rank)
    ]
    found = table(
        ("metric", "unit", *scored),
        rows,
        "Means over the examples. The ELBO and its terms are at beta = 1.",
    )
    protocols = {split: mapping(record.get("protocol")) for split, record in scored.items()}
    known = {split: protocol for split, protocol in protocols.items() if protocol}
    if not known:
        note = "The log-likelihood has not been estimated yet; this adds it, with its protocol:"
        return [Block(found, note=note, command=command)]
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
    protocol = table(("setting", *known), lines, caption)
    return [Block(found), Block(protocol, "Protocol of the log-likelihood")]


def _quantity(key: str) -> tuple[str, Cell]:
    level = key.removeprefix("kl_")
    default = (f"KL of level {level}", NATS) if level.isdigit() else (key.replace("_", " "), "")
    label, unit = QUANTITIES.get(key, default)
    return label, Cell(unit, "unit")


def _rank(key: str) -> tuple[int, int, str]:
    """Return the place of a metric in the tables: levels after their sum, unknown ones last."""
    level = key.removeprefix("kl_")
    name, number = ("kl", int(level)) if level.isdigit() else (key, 0)
    known = list(QUANTITIES)
    return known.index(name) if name in known else len(known), number, key


def _setting(key: str, protocol: Mapping[str, Any]) -> Any:
    value = protocol.get(key)
    return "none, it is exact" if key == "prior_samples" and value is None else value
