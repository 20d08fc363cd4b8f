"""The page of results, made from the rows' files and their records."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from reproduction.records import RESULTS, Outcome, figure_of, read_outcome
from reproduction.rows import CONFIGS, Experiment, Figure, Row, read_experiments

HEAD = """\
# Results

<!-- Made by `python examples/reproduce.py --table` from examples/configs and the files beside this
page; change those. -->

What this software reaches beside what was published, from the runs whose settings are under
`examples/configs`. `python examples/reproduce.py NAME --runs DIR` trains, scores and draws one row
or a whole table, and goes on where it was interrupted; `--list` names the rows. Validation examples
alone choose epochs and settings, and the test set is scored once for each reported model. Lower is
better in every table. A row is "met" where our figure is at most its aim.

Where only some test examples have S importance samples, all of them have a cheaper bound of
fewer samples, and its mean is corrected by the mean difference on those that have both; the
standard error is over the examples. Wall times are of a busy machine, so CPU times say more.
"""

EARLIER = "earlier.md"
"""File of results that earlier code gave."""

Cells = Sequence[str]


def make_page(
    experiments: list[Experiment] | None = None, results: Path = RESULTS, configs: Path = CONFIGS
) -> str:
    """Return the page, Markdown."""
    experiments = read_experiments(configs) if experiments is None else experiments
    outcomes = {
        row.path: read_outcome(row, results)
        for experiment in experiments
        for row in experiment.rows
    }
    parts = [HEAD, _summary(experiments, outcomes, results)]
    parts += [_section(experiment, outcomes, results) for experiment in experiments]
    earlier = configs / EARLIER
    if earlier.is_file():
        parts.append(earlier.read_text(encoding="utf-8").strip() + "\n")
    return "\n".join(parts)


def verdict(row: Row, outcome: Outcome | None) -> str:
    """Return "met", "missed", "not run yet", or "" for a row without an aim."""
    if outcome is None:
        return "not run yet"
    if row.aim is None:
        return ""
    shown = round(figure_of(row, outcome), row.measure.digits)
    return "met" if shown <= round(row.aim, row.measure.digits) else "missed"


def source_of(row: Row) -> str:
    """Return the address of the file with a row's settings."""
    return f"https://github.com/hiervae/hiervae/blob/main/examples/configs/{row.path}.toml"


def table(heads: Cells, rows: Iterable[Cells]) -> str:
    """Return a table, Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _summary(
    experiments: list[Experiment], outcomes: dict[str, Outcome | None], results: Path
) -> str:
    rows = []
    for experiment in experiments:
        found = [verdict(row, outcomes[row.path]) for row in experiment.rows]
        drawn = sum(_is_drawn(experiment, figure, results) for figure in experiment.figures)
        link = f"[{experiment.title}](#{_anchor(experiment.title)})"
        run = len(found) - found.count("not run yet")
        judged = run and any(row.aim is not None for row in experiment.rows)
        rows.append(
            [
                link,
                f"{run} of {len(found)}" if found else "",
                str(found.count("met")) if judged else "",
                str(found.count("missed")) if judged else "",
                f"{drawn} of {len(experiment.figures)}" if experiment.figures else "",
            ]
        )
    return table(["experiment", "rows run", "aim met", "missed", "figures drawn"], rows)


def _section(experiment: Experiment, outcomes: dict[str, Outcome | None], results: Path) -> str:
    parts = [f"## {experiment.title}\n"]
    if experiment.text:
        parts.append(experiment.text.strip() + "\n")
    if experiment.rows:
        parts.append(f"```sh\npython examples/reproduce.py {experiment.name} --runs runs\n```\n")
        parts.append(_figures_table(experiment, outcomes))
        done = [row for row in experiment.rows if outcomes[row.path] is not None]
        if len(done) > 1:
            parts.append(_order(done, outcomes))
        if done:
            parts.append(_details(done, outcomes))
        for row in experiment.rows:
            begun = "" if row.start is None else f"Begins with the weights of {row.start.path}."
            remark = " ".join(filter(None, (begun, row.reduced, row.note)))
            if remark:
                parts.append(f"- **{row.title}**: {remark.strip()}")
        parts.append("")
    if experiment.tried:
        parts.append("What was tried:\n\n" + experiment.tried.strip() + "\n")
    shown_below = {name for figure in experiment.figures for name in figure.files}
    for row in experiment.rows:
        parts.append(_pictures(row, outcomes[row.path], shown_below))
    parts += [_figure(experiment, figure, results) for figure in experiment.figures]
    return "\n".join(part for part in parts if part is not None)


def _figures_table(experiment: Experiment, outcomes: dict[str, Outcome | None]) -> str:
    rows = []
    for row in experiment.rows:
        outcome, digits = outcomes[row.path], row.measure.digits
        name = f"[{row.title}]({source_of(row)})"
        published = "" if row.published is None else f"{row.published:.{digits}f}"
        aim = "" if row.aim is None else f"at most {row.aim:.{digits}f}"
        if outcome is None:
            rows.append([name, row.measure.unit, "", "", published, "", aim, "not run yet"])
            continue
        ours = figure_of(row, outcome)
        spread = f"{min(outcome.values):.{digits}f} to {max(outcome.values):.{digits}f}"
        difference = "" if row.published is None else f"{ours - row.published:+.{digits}f}"
        rows.append(
            [
                name,
                row.measure.unit,
                f"**{ours:.{digits}f}**{_statistic(row, outcome)}",
                spread if len(outcome.values) > 1 else "",
                published,
                difference,
                aim,
                verdict(row, outcome),
            ]
        )
    heads = ["row", "unit", "ours", "range", "published", "difference", "aim", ""]
    sources = {row.source for row in experiment.rows if row.source}
    names = {row.measure.name for row in experiment.rows}
    caption = f"{_sentence(names)}; published: {', '.join(sorted(sources)) or 'nothing'}.\n"
    return caption + "\n" + table(heads, rows)


def _order(rows: list[Row], outcomes: dict[str, Outcome | None]) -> str:
    compared = [row for row in rows if row.published is not None]
    on_one_data_set = all(
        row.settings["dataset"] == compared[0].settings["dataset"] for row in compared
    )
    if len(compared) < 2 or not on_one_data_set:
        return ""
    ours = sorted(compared, key=lambda row: figure_of(row, _known(outcomes[row.path])))
    theirs = sorted(compared, key=lambda row: float(row.published or 0.0))
    if ours == theirs:
        return "The order of the rows that were run is the published one.\n"
    here, there = ("; ".join(row.title for row in order) for order in (ours, theirs))
    return (
        f"The order of the rows that were run, best first: {here}.\nThe published one: {there}.\n"
    )


def _details(rows: list[Row], outcomes: dict[str, Outcome | None]) -> str:
    lines = []
    for row in rows:
        outcome = _known(outcomes[row.path])
        seeds, training = outcome.seeds, outcome.record["config"]["training"]
        epochs = sorted({int(seed["metrics"]["training"]["epochs"]) for seed in seeds})
        kept = sorted({int(seed["metrics"]["training"]["model_epoch"]) for seed in seeds})
        costs = [seed["cost"] for seed in seeds]
        backend = seeds[0]["versions"]["backend"]
        lines.append(
            [
                row.title,
                _seeds(row, seeds),
                f"{_numbers(epochs)}, kept {_numbers(kept)}",
                str(training["batch_size"]),
                _protocol(row, seeds),
                _times("", costs),
                _times("scoring_", costs),
                f"{seeds[0]['machine']['cores']}, {backend['name']} {backend['version']}",
                _words(sorted({str(seed["commit"]) for seed in seeds})),
            ]
        )
    heads = [
        "row",
        "seeds",
        "epochs",
        "batch",
        "protocol",
        "training per seed",
        "scoring per seed",
        "cores, backend",
        "commit",
    ]
    return table(heads, lines)


def _protocol(row: Row, seeds: list[dict[str, Any]]) -> str:
    if row.score is None:
        return "measured after training"
    scores = [seed["metrics"]["score"] for seed in seeds]
    found = scores[0]["protocol"]
    text = f"S = {found['num_samples']}"
    if found["control_samples"] is None:
        text += f" on all {found['num_examples']} test examples"
    else:
        text += (
            f" on {found['scored']} of {found['num_examples']} test examples, S = "
            f"{found['control_samples']} on all"
        )
    parts = [text]
    parts += [f"{key.replace('_', ' ')} {value}" for key, value in found["prior"].items()]
    if found["binarisation"]:
        parts.append(f"{found['binarisation']} binarisation")
    error = max(
        score["standard_error"] * score[row.measure.key] / score["negative_log_likelihood"]
        for score in scores
    )
    size = min(score["median_effective_sample_size"] for score in scores)
    parts.append(f"median effective sample size {size:.0f}")
    return f"{', '.join(parts)}; standard error {error:.{row.measure.digits}f}"


def _pictures(row: Row, outcome: Outcome | None, left_out: set[str]) -> str:
    pictures = set() if outcome is None else set(outcome.record["pictures"]) - left_out
    lines = []
    for name, alt in row.pictures.items():
        target = f"{row.name}_{name}"
        if target in pictures:
            lines.append(f"![{alt}]({row.experiment}/{target})\n\n*{row.title}: {alt}*\n")
    return "\n".join(lines)


def _figure(experiment: Experiment, figure: Figure, results: Path) -> str:
    head = f"### {figure.title}{f' ({figure.published})' if figure.published else ''}\n"
    if not _is_drawn(experiment, figure, results):
        return f"{head}\nNot drawn yet.\n"
    command = f"\n```sh\n{figure.command}\n```\n" if figure.command else ""
    images = [
        f"![{alt}]({experiment.name}/{name})\n\n*{alt}*\n" for name, alt in figure.files.items()
    ]
    return "\n".join([head + command, *images])


def _is_drawn(experiment: Experiment, figure: Figure, results: Path) -> bool:
    files = [results / experiment.name / name for name in figure.files]
    return bool(files) and all(file.is_file() for file in files)


def _known(outcome: Outcome | None) -> Outcome:
    if outcome is None:
        raise ValueError("a row without a record has no figure")
    return outcome


def _statistic(row: Row, outcome: Outcome) -> str:
    return f" ({row.statistic})" if len(outcome.values) > 1 else ""


def _times(prefix: str, costs: Sequence[dict[str, float]]) -> str:
    """Mean CPU and wall time per seed."""
    found = []
    for kind in ("cpu", "wall"):
        known = [cost[key] for cost in costs if (key := f"{prefix}{kind}_seconds") in cost]
        if known:
            seconds = statistics.fmean(known)
            shown = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
            found.append(f"{kind.replace('cpu', 'CPU')} {shown}")
    return ", ".join(found)


def _seeds(row: Row, seeds: list[dict[str, Any]]) -> str:
    """The seeds that were run, and how many are left."""
    missing = len(row.seeds) - len(seeds)
    text = _numbers(seed["seed"] for seed in seeds)
    return f"{text} ({missing} of {len(row.seeds)} not run yet)" if missing else text


def _numbers(values: Iterable[int]) -> str:
    """Whole numbers in few words: runs of neighbours as "0 to 9"."""
    numbers = sorted(set(values))
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))


def _words(values: Sequence[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _sentence(names: set[str]) -> str:
    text = ", ".join(sorted(names))
    return text[:1].upper() + text[1:]


def _anchor(title: str) -> str:
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -_")
    return "-".join(kept.split())
