"""The rows of the papers' tables: their files, their records, and the page made from them."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import hiervae
from hiervae import registry
from hiervae.cli.main import build_parser
from hiervae.cli.settings import resolve
from hiervae.errors import UnknownPluginError
from hiervae.model.scores import Scores
from hiervae.schedulers import Scheduler

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples"))

from reproduction import page, readme, records, rows, score  # noqa: E402
from reproduction.bench import Bench  # noqa: E402

pytestmark = pytest.mark.backends("torch")  # none of it depends on the backend

EXPERIMENTS = rows.read_experiments()
ROWS = [row for experiment in EXPERIMENTS for row in experiment.rows]


def test_the_committed_page_is_what_the_files_give():
    committed = (records.RESULTS / "README.md").read_text(encoding="utf-8")
    assert committed == page.make_page(EXPERIMENTS), "run python examples/reproduce.py --table"


def test_the_readme_shows_what_the_files_give():
    committed = readme.README.read_text(encoding="utf-8")
    assert committed == readme.with_results(committed, EXPERIMENTS), (
        "run python examples/reproduce.py --table"
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_the_settings_of_a_row_are_those_of_a_training(row, tmp_path):
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(row.settings))
    config = resolve(build_parser().parse_args(["train", "--config", str(settings)]), None)
    assert config.training["epochs"] > 0
    assert config.preset == row.settings["preset"]
    keras.optimizers.deserialize(config.optimizer)
    try:
        hiervae.HierarchicalVAE(**config.model)
    except UnknownPluginError as error:
        if "It comes with a plugin" not in str(error):
            raise
        pytest.skip(str(error))
    if config.scheduler is not None:
        registry.create("hiervae.schedulers", config.scheduler, Scheduler)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_a_committed_record_is_complete(row):
    outcome = records.read_outcome(row)
    if outcome is None:
        return
    assert {seed["seed"] for seed in outcome.seeds} <= set(row.seeds)
    for seed in outcome.seeds:
        assert seed["commit"]
        assert seed["machine"]["cores"] >= 1
        assert seed["versions"]["backend"]["name"] in ("jax", "tensorflow", "torch")
        assert seed["cost"]["cpu_seconds"] > 0
    for name in outcome.record["pictures"]:
        assert (records.RESULTS / row.experiment / name).is_file()


@pytest.fixture
def row():
    """A row with an aim, whose record the tests write."""
    return rows.Row(
        experiment="table",
        name="one",
        title="One",
        settings={"preset": "vhp", "dataset": "pendulum"},
        measure=rows.MEASURES["angle"],
        published=0.054,
        source="Somebody (2000), Table 1",
        aim=0.05,
        seeds=(0, 1, 2),
        statistic="median",
        pictures={"samples.png": "samples"},
        note="A remark.",
    )


def write(row, folder, values, settings=None):
    """A record with one seed for each value."""
    seeds = [
        {
            "seed": seed,
            "metrics": {
                "training": {"epochs": 3, "model_epoch": 3},
                "polar_regression": {"mean_absolute_error": value},
            },
            "cost": {"wall_seconds": 90.0, "cpu_seconds": 80.0},
            "machine": {"cores": 1},
            "commit": "abcdef",
            "versions": {"backend": {"name": "jax", "version": "1"}},
        }
        for seed, value in enumerate(values)
    ]
    record = {
        "settings": row.settings if settings is None else settings,
        "config": {"training": {"batch_size": 10}},
        "seeds": seeds,
        "pictures": ["one_samples.png"],
    }
    (folder / row.experiment).mkdir(exist_ok=True)
    (folder / row.experiment / f"{row.name}.json").write_text(json.dumps(record))


def table(row, folder, figures=()):
    experiment = rows.Experiment("table", "A table", "Text.", "This.", (row,), figures)
    return page.make_page([experiment], folder, folder)


def test_a_row_shows_its_figure_beside_the_published_one(row, tmp_path):
    write(row, tmp_path, [0.061, 0.04, 0.044])
    text = table(row, tmp_path)
    assert (
        "| rad | **0.044** (median) | 0.040 to 0.061 | 0.054 | -0.010 | at most 0.050 | met |"
        in (text)
    )
    assert (
        "| One | 0 to 2 | 3, kept 3 | 10 | measured after training | CPU 80 s, wall 90 s |" in text
    )
    assert "![samples](table/one_samples.png)" in text
    assert "- **One**: A remark." in text
    assert "1 of 1 | 1 | 0 |" in text


def test_a_row_beyond_its_aim_is_missed(row, tmp_path):
    write(row, tmp_path, [0.0506])
    assert "| **0.051** |  | 0.054 | -0.003 | at most 0.050 | missed |" in table(row, tmp_path)


def test_a_row_without_a_record_was_not_run(row, tmp_path):
    text = table(row, tmp_path)
    assert "| rad |  |  | 0.054 |  | at most 0.050 | not run yet |" in text
    assert "0 of 1 |" in text


def test_the_order_is_compared_with_the_published_one(row, tmp_path):
    other = replace(row, name="two", title="Two", published=0.01)
    for one, value in ((row, 0.02), (other, 0.03)):
        write(one, tmp_path, [value])
    experiment = rows.Experiment("table", "A table", "", "", (row, other), ())
    text = page.make_page([experiment], tmp_path, tmp_path)
    assert "that were run, best first: One; Two.\nThe published one: Two; One." in text
    write(other, tmp_path, [0.01])
    assert "were run is the published one" in page.make_page([experiment], tmp_path, tmp_path)


def test_the_readme_keeps_what_stands_around_its_table(row, tmp_path):
    (tmp_path / "experiments.toml").write_text('[readme]\n"table/one" = "some data"\n')
    other = replace(row, name="two")
    write(row, tmp_path, [0.04])
    write(other, tmp_path, [0.09])
    experiments = [rows.Experiment("table", "A table", "", "", (row, other), ())]
    text = f"Before.\n{readme.BEGIN}old\n{readme.END}After.\n"
    made = readme.with_results(text, experiments, tmp_path, tmp_path)
    assert made.startswith(f"Before.\n{readme.BEGIN}| data |")
    assert made.endswith(f"{readme.END}After.\n")
    assert "| rad | **0.040** | 0.054 |" in made
    assert "Of the 2 rows that have a published figure to reach, 1 reach" in made
    assert "old" not in made


@pytest.mark.parametrize("text", ["", readme.BEGIN, readme.END + readme.BEGIN])
def test_a_readme_without_its_marks_is_refused(text):
    with pytest.raises(ValueError, match="expected one of each, in this order"):
        readme.with_results(text, EXPERIMENTS)


@pytest.mark.parametrize("name", ["table/one", "table/none"])
def test_a_row_that_has_nothing_to_show_is_kept_out_of_the_readme(row, tmp_path, name):
    (tmp_path / "experiments.toml").write_text(f'[readme]\n"{name}" = "some data"\n')
    experiments = [rows.Experiment("table", "A table", "", "", (row,), ())]
    with pytest.raises(ValueError, match=f"{name} is no row that was run"):
        readme.with_results(readme.BEGIN + readme.END, experiments, tmp_path, tmp_path)


def test_rows_of_other_data_sets_have_no_order(row, tmp_path):
    other = replace(row, name="two", settings={**row.settings, "dataset": "mnist"})
    for one in (row, other):
        write(one, tmp_path, [0.02])
    experiment = rows.Experiment("table", "A table", "", "", (row, other), ())
    assert "The order of the rows" not in page.make_page([experiment], tmp_path, tmp_path)


def test_a_record_of_other_settings_is_refused(row, tmp_path):
    write(row, tmp_path, [0.04], settings={"preset": "iwae"})
    with pytest.raises(ValueError, match="other settings than the row's file has now"):
        table(row, tmp_path)


def test_a_row_may_begin_with_the_weights_of_another(row, tmp_path):
    write(row, tmp_path, [0.04])
    tuned = replace(row, start=replace(row, name="first"))
    with pytest.raises(ValueError, match="other settings than the row's file has now"):
        table(tuned, tmp_path)
    path = tmp_path / "table" / "one.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "start": "table/first"}))
    assert "- **One**: Begins with the weights of table/first. A remark." in table(tuned, tmp_path)


def test_a_figure_is_shown_once_it_is_drawn(row, tmp_path):
    figure = rows.Figure("A curve", "Figure 7", "python draw.py", {"curve.png": "a curve"})
    assert "### A curve (Figure 7)\n\nNot drawn yet." in table(row, tmp_path, (figure,))
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "curve.png").touch()
    text = table(row, tmp_path, (figure,))
    assert "python draw.py" in text
    assert "![a curve](table/curve.png)" in text


def test_results_of_earlier_code_stay_at_the_end(row, tmp_path):
    (tmp_path / page.EARLIER).write_text("## Earlier\n")
    assert table(row, tmp_path).endswith("## Earlier\n")


def test_rows_are_chosen_by_name():
    first = EXPERIMENTS[0]
    assert rows.choose_rows(EXPERIMENTS, [first.name]) == list(first.rows)
    assert rows.choose_rows(EXPERIMENTS, [first.rows[1].path]) == [first.rows[1]]
    with pytest.raises(ValueError, match="'nothing' is no row; expected one of"):
        rows.choose_rows(EXPERIMENTS, ["nothing"])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('[row]\ntitle = "x"\nmeasure = "speed"\n', "measure is 'speed'; expected one of nll"),
        ('[row]\nmeasure = "nll"\n', "does not describe a row: .*title"),
        (
            '[row]\nmeasure = "nll"\nstart = "no/row"\n',
            "start is 'no/row'; expected experiment/row",
        ),
        ("[row\n", "is no TOML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, match):
    path = tmp_path / "row.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=match):
        rows.read_row(path)


def test_rows_that_are_not_listed_are_refused(tmp_path):
    (tmp_path / "experiment.toml").write_text('title = "x"\nrows = ["a"]\n')
    with pytest.raises(ValueError, match=r"lists the rows \['a'\]; the files beside it are \[\]"):
        rows.read_experiment(tmp_path)


def test_the_cheaper_bound_is_corrected_by_the_finer_one():
    random = np.random.default_rng(0)
    fine = random.normal(90.0, 20.0, 4000)
    coarse = fine + random.normal(1.5, 0.3, 4000)
    chosen = np.arange(0, 4000, 10)
    found = score.combine(fine[chosen], chosen, coarse)
    assert abs(found["negative_log_likelihood"] - fine.mean()) < 4 * 0.3 / math.sqrt(400)
    assert found["correction"] == pytest.approx((fine - coarse)[chosen].mean())
    assert found["standard_error"] == pytest.approx(20.0 / math.sqrt(4000), rel=0.1)


def test_without_a_cheaper_bound_the_score_is_the_mean():
    found = score.combine(np.array([1.0, 3.0]), np.arange(2), None)
    assert found == {"negative_log_likelihood": 2.0, "standard_error": 1.0}


def test_what_is_scored_is_not_scored_again(tmp_path):
    calls = []

    class Model:
        def score(self, x, num_samples, seed, verbose, resume_file, progress):
            calls.append((len(x), num_samples, seed, resume_file))
            return Scores(-x[:, 0], x[:, 0] + 1.0, x[:, 0], num_samples)

    examples, out = np.arange(10.0)[:, None], tmp_path / "seed-0.score.json"
    for _ in range(2):
        values, sizes = score.scored(Model(), examples, 7, 0, out)
        np.testing.assert_array_equal(values, np.arange(10.0))
        np.testing.assert_array_equal(sizes, np.arange(1.0, 11.0))
    assert calls == [(10, 7, 0, tmp_path / "seed-0.score.7.partial.npz")]


def test_two_processes_do_not_work_on_one_seed(row, tmp_path):
    with Bench(tmp_path).claim(row, 0) as first, Bench(tmp_path).claim(row, 0) as second:
        assert (first, second) == (True, False)
        with Bench(tmp_path).claim(row, 1) as other:
            assert other
    with Bench(tmp_path).claim(row, 0) as again:
        assert again


def test_a_run_that_began_goes_on(row, tmp_path, monkeypatch):
    bench, calls = Bench(tmp_path), []
    monkeypatch.setattr(bench, "_call", lambda words, *rest: calls.append(words))
    folder = bench.folder(row, 1)
    bench.train(row, 1)
    assert [bench.is_done(row, seed) for seed in (0, 1)] == [False, True]
    bench.train(row, 1)
    assert len(calls) == 1
    assert "--resume" not in calls[0]
    assert json.loads((folder.parent / "settings.json").read_text()) == row.settings
    folder = bench.folder(row, 2)
    folder.mkdir()
    (folder / "config.json").touch()
    bench.train(row, 2)
    assert calls[1][-1] == "--resume"


def test_the_row_that_another_begins_with_is_trained_first(row, tmp_path, monkeypatch):
    bench, calls = Bench(tmp_path), []
    monkeypatch.setattr(bench, "_call", lambda words, *rest: calls.append(words))
    first = replace(row, experiment="other", name="first")
    tuned = replace(row, start=first)
    bench.train(tuned, 1)
    assert bench.is_done(first, 1)
    begun, out = [calls[1][calls[1].index(option) + 1] for option in ("--initial-weights", "--out")]
    assert begun == calls[0][-1] == str(bench.folder(first, 1))
    assert out == str(bench.folder(tuned, 1))


def test_seeds_of_a_row_share_what_they_were_trained_with_but_not_how_they_were_kept(row, tmp_path):
    bench = Bench(tmp_path / "runs")
    row = replace(row, score=None, seeds=(0, 1), pictures=())
    for seed, often in ((0, {}), (1, {"checkpoint_every_steps": None, "keep_checkpoints": 5})):
        folder = bench.folder(row, seed)
        folder.mkdir(parents=True)
        config = {
            **dict.fromkeys(("dataset", "model", "optimizer", "scheduler")),
            "training": {"epochs": 5, "batch_size": 10, **often},
            "versions": dict.fromkeys(("python", "hiervae", "keras", "backend")),
            "data": {"binarisation": None},
        }
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "metrics.json").write_text("{}")
        state = {"trained": True, "cores": 1, "commit": "abc", "cpu_seconds": 1.0}
        folder.with_suffix(".json").write_text(json.dumps(state))
    record = json.loads(records.write_record(row, bench, tmp_path).read_text())
    assert record["config"]["training"] == {"epochs": 5, "batch_size": 10}
    assert [seed["seed"] for seed in record["seeds"]] == [0, 1]
    config["training"]["batch_size"] = 20
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="were not trained in the same settings"):
        records.write_record(row, bench, tmp_path)


def test_a_run_that_fails_says_where_its_output_is(row, tmp_path):
    bench, wrong = Bench(tmp_path), replace(row, settings={"preset": "no such"})
    with (
        bench.claim(wrong, 0),
        pytest.raises(RuntimeError, match=r"ended with status 2; its output is in .*seed-0\.log"),
    ):
        bench.train(wrong, 0)
    cost = json.loads((tmp_path / "table" / "one" / "seed-0.json").read_text())
    assert cost["cpu_seconds"] > 0
    assert "trained" not in cost
