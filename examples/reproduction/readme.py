"""The rows that the README shows, between two marks that keep the rest of it as it is."""

from __future__ import annotations

import tomllib
from pathlib import Path

from reproduction.page import source_of, table, verdict
from reproduction.records import RESULTS, figure_of, read_outcome
from reproduction.rows import CONFIGS, Experiment

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN = "<!-- results: made by `python examples/reproduce.py --table` -->\n"
END = "<!-- end of results -->\n"


def with_results(
    text: str, experiments: list[Experiment], results: Path = RESULTS, configs: Path = CONFIGS
) -> str:
    """Return the README's text with the table made again from the records.

    Args:
        text: of the README.
        experiments: all of them.
        results: folder of the records.
        configs: folder of the settings; `readme` in its `experiments.toml` names the rows, each
            with the data as the table calls them.

    Raises:
        ValueError: if the text lacks a mark, or a row is unknown, was not run, or compares with
            nothing.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(
            f"the README has {text.count(BEGIN)} marks of the beginning and {text.count(END)} of "
            f"the end of its results; expected one of each, in this order: {BEGIN}{END}"
        )
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return before + BEGIN + _results(experiments, results, configs) + END + after


def _results(experiments: list[Experiment], results: Path, configs: Path) -> str:
    with (configs / "experiments.toml").open("rb") as file:
        shown = tomllib.load(file)["readme"]
    rows = {row.path: row for experiment in experiments for row in experiment.rows}
    outcomes = {path: read_outcome(row, results) for path, row in rows.items()}
    lines = []
    for path, data in shown.items():
        row, outcome = rows.get(path), outcomes.get(path)
        if row is None or outcome is None or row.published is None:
            raise ValueError(
                f"{path} is no row that was run and has a published figure; the README can show "
                "such rows alone. Correct `readme` in experiments.toml."
            )
        digits, unit = row.measure.digits, row.measure.unit
        ours = f"**{figure_of(row, outcome):.{digits}f}**"
        lines.append(
            [data, f"[{row.title}]({source_of(row)})", unit, ours, f"{row.published:.{digits}f}"]
        )
    verdicts = [verdict(row, outcomes[path]) for path, row in rows.items()]
    met = verdicts.count("met")
    return (
        table(["data", "model", "unit", "ours", "published"], lines)
        + f"\nOf the {met + verdicts.count('missed')} rows that have a published figure to reach, "
        f"{met} reach it to within their margin.\n"
    )
