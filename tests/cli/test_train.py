import csv
import json
import os
import re
import resource
import shlex
import shutil
import signal
from contextlib import contextmanager
from dataclasses import replace

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hiervae.cli import training_session
from hiervae.datasets import binarise, from_arrays, load
from hiervae.errors import NonFiniteLossError
from hiervae.runs import RunFolder, figures, monitoring, results
from hiervae.runs.history import read_history
from hiervae.runs.model_file import load_model, save_model

PICTURES = {
    "reconstructions",
    "samples",
    "control",
    "latent_space",
    "interpolation",
} | {"latent_graph"}


FEW_EXAMPLES = (
    "--preset=vamp_vae",
    "--dataset-option=valid_size=10",
    "--dataset-option=test_size=10",
    "--set=model.prior=vamp_data",
    "--set=model.prior.num_components=500",
)
"""Options of a prior that wants more examples than there are."""


def rows_of(folder):
    with open(folder / "history.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def temporary_files(folder):
    return [path for path in folder.rglob("*") if ".tmp" in path.name]


@pytest.fixture(autouse=True)
def interrupts_arrive():
    """Give SIGINT its usual effect, which a process started in the background may lack."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


class Interrupt(keras.callbacks.Callback):
    """Stands in for the progress, and for a user who presses Ctrl-C within the second epoch."""

    def __init__(self, *arguments):
        super().__init__()
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1:
            signal.raise_signal(signal.SIGINT)

    def close(self):
        pass


def test_a_run_folder_is_complete(trained):
    found = {path.name for path in trained.iterdir()}
    files = {"config.json", "model.keras", "history.csv", "metrics.json", "kl_history.npz"}
    assert found == files | {"checkpoints", "figures", "tensorboard"}
    kept = {path.name for path in (trained / "checkpoints").iterdir()}
    assert {"latest.keras", "best.keras", "config.json"} <= kept
    assert {path.stem for path in (trained / "figures").iterdir()} == PICTURES
    assert not temporary_files(trained)


def test_config_holds_what_reproduces_the_run(trained):
    config = json.loads((trained / "config.json").read_text())
    data = load("pendulum", num_images=300, valid_size=60, test_size=80)
    assert config["data"]["checksum"] == data.info.checksum
    assert config["versions"]["keras"] == keras.version()
    assert config["versions"]["backend"]["name"] == keras.backend.backend()
    assert config["versions"]["numpy"] == np.__version__
    assert config["seed"] == 5
    assert config["scheduler"]["kappa"] == 0.6
    assert config["training"]["epochs"] == 3
    assert config["parts"]["prior"]["distribution"] == "hiervae"


def test_history_has_a_row_an_epoch(trained):
    rows = rows_of(trained)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [row["step"] for row in rows] == ["6", "12", "18"]
    assert {"loss", "elbo", "kl_1", "beta", "constraint", "phase", "val_loss"} <= rows[0].keys()
    assert float(rows[2]["elbo"]) > float(rows[0]["elbo"])


def test_events_hold_the_same_numbers(trained):
    events = EventAccumulator(str(trained / "tensorboard" / "validation"))
    events.Reload()
    written = {event.step: event.value for event in events.Scalars("elbo")}
    logged = {int(row["step"]): float(row["val_elbo"]) for row in rows_of(trained)}
    assert written == pytest.approx(logged)


def test_the_model_is_that_of_the_best_epoch(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    best = min(rows_of(trained), key=lambda row: float(row["val_loss"]))
    assert metrics["training"]["model_epoch"] == int(best["epoch"])
    assert metrics["valid"]["elbo"] == pytest.approx(float(best["val_elbo"]), rel=1e-4)
    model = keras.models.load_model(trained / "model.keras")
    assert model.training_step == int(best["step"])


def test_metrics_hold_the_polar_regression(trained):
    polar = json.loads((trained / "metrics.json").read_text())["polar_regression"]
    assert polar["split"] == "test"
    assert polar["num_examples"] == 80
    assert 0 < polar["mean_absolute_error"] < np.pi


def test_an_interrupted_run_goes_on_exactly(hiervae, trained, tmp_path, monkeypatch):
    folder = tmp_path / "again"
    monkeypatch.setattr(training_session, "TrainingProgress", Interrupt)
    outcome = hiervae("train", "--config", trained / "config.json", "--out", folder)
    assert outcome.status == 130
    assert outcome.error.startswith("interrupted; go on with: hiervae train --out ")
    assert len(rows_of(folder)) == 1
    assert 6 < load_model(folder / "checkpoints" / "latest.keras").training_step <= 12
    assert not (folder / "model.keras").exists()
    assert "--resume" in hiervae("sample", folder).error
    monkeypatch.undo()

    outcome = hiervae("train", "--out", folder, "--resume", "--json")
    assert outcome.status == 0
    assert outcome.record["metrics"]["training"]["epochs"] == 3
    for here, there in zip(rows_of(folder), rows_of(trained), strict=True):
        del here["seconds"], there["seconds"]
        assert {key: float(value) for key, value in here.items()} == pytest.approx(
            {key: float(value) for key, value in there.items()}, rel=1e-5, abs=1e-6
        )
    models = [RunFolder(path).load_model() for path in (folder, trained)]
    for ours, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


class CopyWithin(Interrupt):
    """Stands in for the progress, and copies the run within the second epoch, as a kill would."""

    def on_train_batch_begin(self, batch, logs=None):
        folder = CopyWithin.folder
        if (self.epoch, batch) == (1, 4):
            shutil.copytree(folder, folder.with_name("killed"))

    def on_train_batch_end(self, batch, logs=None):
        pass


@pytest.mark.compiles(0)
def test_a_run_killed_within_an_epoch_goes_on_from_its_last_steps(
    hiervae, trained, tmp_path, monkeypatch
):
    folder, killed = tmp_path / "again", tmp_path / "killed"
    CopyWithin.folder = folder
    monkeypatch.setattr(training_session, "TrainingProgress", CopyWithin)
    options = ("--checkpoint-every-steps", 2, "--steps-per-execution", 1)
    config = trained / "config.json"
    assert hiervae("train", "--config", config, "--out", folder, *options).status == 0
    monkeypatch.undo()
    kept = load_model(killed / "checkpoints" / "latest.keras").training_step
    assert 6 + 2 < kept <= 6 + 4
    assert hiervae("train", "--out", killed, "--resume").status == 0
    for here, there in zip(rows_of(killed), rows_of(folder), strict=True):
        assert {**here, "seconds": ""} == {**there, "seconds": ""}
    models = [RunFolder(path).load_model() for path in (killed, folder)]
    for ours, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_finished_run_has_nothing_left_to_train(hiervae, run, monkeypatch):
    """Only the results are made anew, with the checkpoint of the best epoch."""
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    rows = read_history(run / "history.csv")
    best = min(rows, key=lambda row: row["val_loss"])
    folder = RunFolder(run)
    model = load_model(folder.best_file)
    for variable in model.trainable_variables:
        variable.assign(np.full(variable.shape, 0.25))
    save_model(model, folder.best_file)

    outcome = hiervae("train", "--out", run, "--resume", "--json")
    assert outcome.status == 0
    assert outcome.record["metrics"]["training"]["model_epoch"] == best["epoch"]
    assert outcome.record["metrics"]["training"]["epochs"] == 3
    assert read_history(run / "history.csv") == rows
    for variable in folder.load_model().trainable_variables:
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), 0.25)


@pytest.mark.compiles(0)
def test_scores_of_an_earlier_model_do_not_stay(hiervae, run, monkeypatch):
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    for split in ("train", "test"):
        options = ("--split", split, "--num-samples=2", "--limit=10")
        evaluated = hiervae("evaluate", run, *options)
        assert evaluated.status == 0
    assert hiervae("interpolate", run, "--from=0", "--to=90").status == 0
    (run / "figures" / "rate_distortion.png").touch()
    (run / "partial_scores_valid.npz").touch()
    scored = json.loads((run / "metrics.json").read_text())
    resumed = hiervae("train", "--out", run, "--resume")
    assert resumed.status == 0
    protocol = evaluated.out.partition("protocol:\n")[2]
    assert "estimate of the prior  prior samples 3" in protocol
    assert f"protocol of test:\n{protocol}" in resumed.out
    assert "{" not in resumed.out
    assert json.loads((run / "metrics.json").read_text()) == scored, "of the same model"
    assert (run / "graph.npz").exists()

    outcome = hiervae("train", "--out", run, "--resume", "--epochs=2")
    assert outcome.status == 2
    assert "--epochs 2: the run has 3 epochs already; expected 3 or more" in outcome.error
    assert RunFolder(run).read_config().training["epochs"] == 3

    assert hiervae("train", "--out", run, "--resume", "--epochs=30").status == 0
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["training"]["model_epoch"] > scored["training"]["model_epoch"]
    assert metrics.keys() == scored.keys() - {"train", "interpolation"}
    assert "protocol" not in metrics["test"]
    gone = (
        run / "graph.npz",
        run / "partial_scores_valid.npz",
        run / "figures/rate_distortion.png",
    )
    assert not any(file.exists() for file in gone)


def test_going_on_needs_whole_records(hiervae, run):
    (run / "metrics.json").write_text("{")
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    outcome = hiervae("train", "--out", run, "--resume", "--epochs", 5)
    assert outcome.status == 1
    assert "metrics.json" in outcome.error
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


@pytest.mark.compiles(0)
@pytest.mark.parametrize("content", ["garbage\n", None])
def test_intact_weights_make_up_for_a_damaged_history(hiervae, run, monkeypatch, content):
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    rows = read_history(run / "history.csv")
    (run / "history.csv").unlink()
    if content is not None:
        (run / "history.csv").write_text(content)
    assert hiervae("train", "--out", run, "--resume").status == 0
    assert read_history(run / "history.csv") == rows


def test_a_run_in_use_is_refused(hiervae, run):
    with RunFolder(run).locked():
        outcome = hiervae("train", "--out", run, "--resume", "--epochs", 5)
    assert outcome.status == 1
    assert "is in use: another training" in outcome.error


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("model", "network", "hidden_units"), [9], "model.network.hidden_units is [16] in"),
        (("seed",), 99, "seed is 5 in the run and 99 now"),
        (("data", "checksum"), "sha256:0", "and 'sha256:0' now"),
    ],
)
def test_an_edited_config_is_refused(hiervae, run, path, value, said):
    record = json.loads((run / "config.json").read_text())
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (run / "config.json").write_text(json.dumps(record))
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    outcome = hiervae("train", "--out", run, "--resume", "--epochs", 5)
    assert outcome.status == 2
    assert "config.json was edited since the run began" in outcome.error
    assert said in outcome.error
    assert "training.epochs" in outcome.error
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_a_config_of_endless_depth_is_one_line(hiervae, run):
    (run / "config.json").write_text('{"a":' * 200_000)
    outcome = hiervae("train", "--out", run, "--resume")
    assert outcome.status == 1
    assert "config.json is nested deeper" in outcome.error


def values_of(path):
    model = load_model(path)
    return [keras.ops.convert_to_numpy(v) for v in [*model.variables, *model.optimizer.variables]]


@pytest.mark.compiles(0)
def test_damaged_checkpoints_are_set_aside(hiervae, tmp_path, small, monkeypatch):
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    often = ("--checkpoint-every=0", "--keep-checkpoints=2")
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert hiervae("train", "--out", whole, *small, *often).status == 0
    assert hiervae("train", "--out", run, *small, "--epochs=2", *often).status == 0
    folder = run / "checkpoints"
    assert {path.name for path in folder.glob("*.keras")} == {
        "best.keras",
        "epoch-000001.keras",
        "latest.keras",
    }
    content = (folder / "latest.keras").read_bytes()
    (folder / "latest.keras").write_bytes(content[: len(content) // 2])
    (run / ".history.0-0-0.tmp.csv").write_text("not ours")
    outcome = hiervae("train", "--out", run, "--resume", "--epochs=3", "--json")
    assert outcome.status == 0
    assert "latest.keras is damaged" in outcome.err
    assert "set aside as latest.keras.damaged" in outcome.err
    assert outcome.record["metrics"]["training"]["epochs"] == 3
    for ours, theirs in zip(*(values_of(p / "checkpoints" / "latest.keras") for p in (run, whole))):
        np.testing.assert_array_equal(ours, theirs)


def test_going_on_needs_the_same_settings(hiervae, run):
    outcome = hiervae("train", "--out", run, "--resume", "--kappa", "0.4")
    assert outcome.status == 2
    assert "scheduler.kappa is 0.6 in the run and 0.4 now" in outcome.error


def test_a_folder_in_use_is_left_alone(hiervae, run):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    outcome = hiervae("train", "--out", run)
    assert outcome.status == 2
    assert "is not empty" in outcome.error
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--scheduler-option", "kappa=-1"], 2, "kappa=-1"),
        (["--scheduler", "remo"], 2, "'rewo'"),
        (["--set", "model.latent_dims=0"], 2, "latent"),
        (["--set", "model.prior=nothing"], 2, "nothing"),
        (["--set", "model.network.hidden_unit=3"], 2, "hidden_unit"),
        (["--set", "optimizer.class_name=Adamm"], 2, "Adam and --set optimizer.config"),
        (["--set", "optimizer.config.rate=1"], 2, "optimiser '"),
        (["--preset", "vpp"], 2, "vhp"),
        (["--dataset", "pendulums"], 2, "'pendulum'"),
        (["--dataset", ""], 2, "The name of the data set is empty"),
        (["--dataset", "missing.npz"], 1, "has that name either"),
        (["--dataset", "static_mnist", "--data-dir", "none"], 2, "no option 'num_images'"),
        (FEW_EXAMPLES, 2, "its num_components=500 components"),
        (["--dataset-option", "num_image=3"], 2, "num_images"),
        (["--dataset-option", "num_images=0"], 2, "choose 1"),
        (["--dataset-option", "seed=-1"], 2, "seed is -1; expected an integer of at least 0"),
        (["--resume"], 2, "no run to go on with"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(hiervae, tmp_path, options, status, message):
    outcome = hiervae(
        "train", "--out", tmp_path / "run", "--dataset-option=num_images=50", *options
    )
    assert outcome.status == status
    assert message in outcome.error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("array", "status", "message"),
    [
        (np.full((30, 4), np.nan), 1, "NaN"),
        (np.full((30, 4), 3.5), 2, "from 0.0 to 1.0. Set one that takes such values, by --set "),
        (np.zeros((0, 4)), 1, "shape"),
        (np.array([["a"] * 4] * 30), 1, "numbers"),
    ],
)
def test_bad_data_is_one_line_and_leaves_nothing(hiervae, tmp_path, array, status, message):
    np.save(tmp_path / "own.npy", array)
    outcome = hiervae("train", "--dataset", tmp_path / "own.npy", "--out", tmp_path / "run")
    assert outcome.status == status
    assert message in outcome.error
    assert not (tmp_path / "run").exists()


@pytest.mark.compiles(0)
def test_data_that_the_preset_does_not_take_names_settings_that_do(hiervae, tmp_path):
    small = ("--dataset-option=num_images=40", "--dataset-option=valid_size=20")
    options = ("--preset", "vamp_hvae", "--set", "model.network.hidden_units=[4]", *small)
    outcome = hiervae("train", *options, "--out", tmp_path / "run")
    assert outcome.status == 2
    assert "'pendulum' does not suit the model: the training data: " in outcome.error
    assert "values between 0 and 1" in outcome.error
    settings = re.findall(r"--set (\S+)=(\w+)", outcome.error)
    assert ("model.likelihood", "gaussian") in settings
    assert ("model.likelihood", "bernoulli") not in settings
    for path, value in settings[:1]:  # the advice works
        more = ("--set", f"{path}={value}", "--epochs=1", "--set", "scheduler.epochs=1")
        assert hiervae("train", *options, *more, "--out", tmp_path / "run").status == 0


@pytest.mark.compiles(0)
def test_a_run_that_diverges_ends_with_1_and_keeps_the_best_epoch(hiervae, tmp_path, small):
    options = ("--learning-rate=1e9", "--epochs=2", "--json")
    outcome = hiervae("train", "--out", tmp_path / "run", *small, *options)
    assert outcome.status == 1
    assert outcome.record == {"error": outcome.error}
    assert outcome.error.startswith("The training diverged: at the end of epoch 2 ")
    assert "a smaller --learning-rate (it was 1e+09)" in outcome.error
    rows = read_history(tmp_path / "run" / "history.csv")
    best = min(rows, key=lambda row: row["val_loss"])
    model = RunFolder(tmp_path / "run").load_model()
    assert model.training_step == best["step"]
    training = json.loads((tmp_path / "run" / "metrics.json").read_text())["training"]
    assert training["model_epoch"] == best["epoch"]
    assert training["diverged"] in outcome.error


@pytest.mark.compiles(0)
def test_an_initial_phase_that_does_not_end_is_noted(hiervae, tmp_path, small, monkeypatch):
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    options = ("--kappa=0.001", "--epochs=1", "--json")
    outcome = hiervae("train", "--out", tmp_path / "run", *small, *options)
    assert outcome.status == 0
    said = outcome.record["metrics"]["training"]["unfinished"]
    assert "did not fall below the bound" in said
    assert f"hiervae: note: {said}" in outcome.err
    assert "kappa=auto measures one" in said
    options = ("--kappa=auto", "--scheduler-option=calibration_steps=2", "--epochs=1", "--json")
    options += ("--scheduler-option=fraction=1.5",)
    outcome = hiervae("train", "--out", tmp_path / "auto", *small, *options)
    training = outcome.record["metrics"]["training"]
    assert training["phase"] == 1.0, "150 % of the measured error is met at once"
    assert "unfinished" not in training


@pytest.fixture
def own_data(tmp_path, monkeypatch):
    """A file of 48 examples to train on, and no figures of them."""
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    x = np.random.default_rng(0).integers(0, 2, (48, 6)).astype("float32")
    path = tmp_path / "own.npz"
    np.savez(path, train=x, valid=x[:8], test=x[:8])
    return path


@pytest.mark.compiles(0)
def test_a_learning_rate_that_falls_to_zero(hiervae, own_data, tmp_path):
    options = ("--preset=vamp_vae", "--dataset", own_data, "--batch-size=20")
    small = ("--set=model.prior.num_components=2", "--set=model.network.hidden_units=[4]")
    run = tmp_path / "run"
    decay = ("--epochs=2", "--learning-rate=0.002", "--decay=cosine")
    assert hiervae("train", "--out", run, *options, *small, *decay).status == 0
    schedule = RunFolder(run).read_config().optimizer["config"]["learning_rate"]
    assert schedule["config"] == {"initial_learning_rate": 2e-3, "decay_steps": 6}
    assert float(RunFolder(run).load_model().optimizer.learning_rate) < 1e-9
    assert hiervae("train", "--out", run, "--resume").status == 0
    outcome = hiervae("train", "--out", run, "--resume", "--epochs=3")
    assert outcome.status == 2
    assert "falls to zero over its 2 epochs" in outcome.error
    assert "decay_steps" not in outcome.error
    further = tmp_path / "further"
    advice = outcome.error.partition(": hiervae ")[2]
    advice = advice.replace("--epochs N", "--epochs 1").replace("--out RUN", f"--out {further}")
    assert hiervae(*shlex.split(advice)).status == 0
    schedule = RunFolder(further).read_config().optimizer["config"]["learning_rate"]
    assert schedule["config"] == {"initial_learning_rate": 2e-3, "decay_steps": 3}
    options = ("--preset=iwae", *options[1:])
    outcome = hiervae("train", "--out", tmp_path / "other", *options, "--decay=cosine")
    assert outcome.status == 2
    assert "expected the number that it falls from" in outcome.error


TINY = """
preset = "vamp_vae"
[model]
prior = { num_components = 2 }
network = { hidden_units = [4] }
[training]
epochs = 2
batch_size = 20
early_stopping_patience = 1
"""


@pytest.mark.compiles(0)
def test_a_file_of_settings_names_the_folder_after_its_data_set(hiervae, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    np.savez("stripes.npz", train=np.random.default_rng(0).integers(0, 2, (48, 6)))
    options = "options = { valid_fraction = 0.0 }"
    (tmp_path / "own.toml").write_text(f'{TINY}[dataset]\nname = "stripes.npz"\n{options}\n')
    outcome = hiervae("train", "--config", "own.toml")
    assert outcome.status == 0
    assert "without validation examples training is not stopped early" in outcome.err
    assert len(rows_of(tmp_path / "runs" / "stripes")) == 2


@pytest.mark.compiles(0)
def test_probabilities_are_drawn_unless_the_settings_say_otherwise(hiervae, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    greys = np.random.default_rng(0).random((48, 6))
    data = from_arrays(greys, binarise(greys, 0), binarise(greys, 1))
    data = replace(data, info=replace(data.info, binarisation="dynamic", likelihood="bernoulli"))
    monkeypatch.setattr(training_session, "load_data", lambda *options: data)
    own = tmp_path / "own.toml"
    own.write_text(TINY)
    on = ["--set=model.likelihood=bernoulli"]
    off = [*on, "--set=model.likelihood.allow_probabilities=true"]
    off.append("--set=model.dynamic_binarisation=false")
    for name, options in (("on", on), ("off", off)):
        run = tmp_path / name
        assert (
            hiervae("train", "--config", tmp_path / "own.toml", "--out", run, *options).status == 0
        )
        assert RunFolder(run).load_model().dynamic_binarisation is (name == "on")


@pytest.mark.compiles(0)
def test_a_run_is_fine_tuned_in_another(hiervae, own_data, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    small = ("--set=model.prior.num_components=2", "--set=model.network.hidden_units=[4]")
    options = ("--preset=vamp_vae", "--dataset", own_data, "--batch-size=20", "--epochs=3", *small)
    assert hiervae("train", "--out", first, *options, "--learning-rate=0.05").status == 0
    tune = ("--config", first / "config.json", "--initial-weights", first, "--scheduler=constant")
    bound = ("--set=model.bound=importance_weighted", "--set=model.num_samples=4")
    rate = ("--learning-rate=1e-9", "--epochs=1")
    assert hiervae("train", "--out", second, *tune, *bound, *rate).status == 0
    trained, tuned = (RunFolder(run).load_model() for run in (first, second))
    x = np.load(own_data)["valid"]
    kept, found = (model.elbo(x, num_samples=4, seed=0) for model in (trained, tuned))
    np.testing.assert_allclose(found, kept, rtol=1e-4, atol=1e-4)
    assert tuned.objective.num_samples == 4
    assert RunFolder(second).read_config().training["initial_weights"] == str(first)
    outcome = hiervae("train", "--out", second, "--resume", "--initial-weights", tmp_path)
    assert outcome.status == 2
    assert "training.initial_weights is" in outcome.error
    wider = ("--set=model.latent_dims=3", *rate)
    outcome = hiervae("train", "--out", tmp_path / "third", *tune, *wider)
    assert outcome.status == 2
    assert "do not fit the model" in outcome.error
    outcome = hiervae("train", "--out", tmp_path / "third", "--initial-weights", tmp_path / "none")
    assert outcome.status == 2
    assert f"--initial-weights {tmp_path / 'none'}: " in outcome.error
    assert "none is no run folder" in outcome.error
    assert not (tmp_path / "third").exists()


@pytest.mark.compiles(0)
def test_a_run_on_an_own_file_opens_from_anywhere(hiervae, own_data, tmp_path, monkeypatch):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    elsewhere.mkdir()
    small = ("--set=model.prior.num_components=2", "--set=model.network.hidden_units=[4]")
    options = ("--preset=vamp_vae", "--batch-size=20", "--dataset-option=seed=3", *small)
    monkeypatch.chdir(tmp_path)
    assert own_data.parent == tmp_path
    train = ("train", "--dataset=own.npz", "--out=run", *options)
    assert hiervae(*train, "--epochs=1").status == 0
    dataset = {"name": str(own_data), "options": {"seed": 3}}
    assert RunFolder(run).read_config().dataset == dataset
    resumed = hiervae("train", "--dataset=own.npz", "--out=run", "--resume", "--epochs=2")
    assert resumed.status == 0, resumed.err
    monkeypatch.chdir(elsewhere)
    score = ("evaluate", run, "--num-samples=2", "--limit=4")
    assert hiervae(*score).status == 0
    own_data.rename(elsewhere / "own.npz")
    outcome = hiervae(*score)
    assert outcome.status == 1
    assert f"trained on {own_data}, which does not exist" in outcome.error
    assert "--data-dir" in outcome.error
    assert hiervae(*score, "--data-dir", elsewhere).status == 0
    again = hiervae("train", "--out", run, "--resume", "--epochs=3", "--data-dir", elsewhere)
    assert again.status == 0, again.err
    assert RunFolder(run).read_config().dataset == dataset
    other = ("train", "--config", run / "config.json", "--epochs=1", "--out", elsewhere / "run")
    assert hiervae(*other, "--data-dir", elsewhere).status == 0
    dataset["name"] = str(elsewhere / "own.npz")
    assert RunFolder(elsewhere / "run").read_config().dataset == dataset


@pytest.mark.compiles(0)
def test_the_iwae_learns_at_the_rates_of_its_paper(hiervae, own_data, tmp_path):
    options = ("--preset=iwae_2", "--dataset", own_data, "--epochs=2")
    small = ("--set=model.num_samples=2", "--set=model.network.hidden_units=[[4],[4]]")
    run = tmp_path / "run"
    assert hiervae("train", "--out", run, *options, *small).status == 0
    schedule = RunFolder(run).read_config().optimizer["config"]["learning_rate"]
    assert schedule["config"] == {"initial_learning_rate": 1e-3, "steps_per_epoch": 3}
    rate = float(RunFolder(run).load_model().optimizer.learning_rate)
    assert rate == pytest.approx(1e-3 * 10 ** (-1 / 7))
    outcome = hiervae("train", "--out", run, "--resume", "--epochs=3")
    assert outcome.status == 0
    assert len(read_history(run / "history.csv")) == 3


class Spoil(Interrupt):
    """Stands in for the progress, and for weights that go bad within the second epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1:
            raise NonFiniteLossError("The loss is nan.")


@pytest.mark.compiles(0)
def test_a_loss_that_is_not_finite_keeps_the_best_epoch(hiervae, tmp_path, small, monkeypatch):
    monkeypatch.setattr(training_session, "TrainingProgress", Spoil)
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    outcome = hiervae("train", "--out", tmp_path / "run", *small)
    assert outcome.status == 1
    assert outcome.error.startswith("The training diverged: The loss is nan. ")
    assert "model.keras is the model of epoch 1 of 1, the best" in outcome.error
    assert RunFolder(tmp_path / "run").load_model().training_step == 6


def test_a_damaged_data_file_is_one_line(hiervae, tmp_path):
    (tmp_path / "own.npz").write_bytes(b"PK\x03\x04 no archive")
    outcome = hiervae("train", "--dataset", tmp_path / "own.npz", "--out", tmp_path / "run")
    assert outcome.status == 1
    assert "own.npz" in outcome.error


def test_an_unwritable_place_is_one_line(hiervae, tmp_path, small):
    (tmp_path / "file").write_text("")
    outcome = hiervae("train", "--out", tmp_path / "file" / "run", *small)
    expected = f"cannot be the run folder: {tmp_path / 'file'} is a file. Choose another by --out"
    assert outcome.status == 1
    assert expected in outcome.error
    outcome = hiervae("train", "--out", tmp_path / "file", *small)
    assert outcome.status == 1
    assert expected in outcome.error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_without_the_right_to_write_is_one_line(hiervae, tmp_path, small):
    (tmp_path / "held").mkdir(mode=0o500)
    outcome = hiervae("train", "--out", tmp_path / "held" / "run", *small)
    assert outcome.status == 1
    assert "held is not writable. Choose another by --out" in outcome.error


@contextmanager
def file_size_limit(size):
    """Writing beyond a file size fails within the context, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.compiles(0)
@pytest.mark.filterwarnings("ignore:ImageMonitor draws no more figures:RuntimeWarning")
def test_a_full_disk_is_one_line_and_leaves_what_was_there(hiervae, run, monkeypatch):
    before = {path: path.read_bytes() for path in run.rglob("*.keras")}
    with file_size_limit(12_000):
        outcome = hiervae("train", "--out", run, "--resume", "--epochs", 4)
    assert outcome.status == 1
    assert outcome.error == f"{run / 'checkpoints' / 'best.keras'}: {os.strerror(27)}" or (
        outcome.error == f"{run / 'checkpoints' / 'latest.keras'}: {os.strerror(27)}"
    )
    assert {path: path.read_bytes() for path in run.rglob("*.keras")} == before
    assert not temporary_files(run)
    assert [row["epoch"] for row in rows_of(run)] == ["1", "2", "3", "4"]

    # With space again it goes on from the checkpoint; pictures and events are left out with notes.
    for module in (figures, monitoring, results):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    outcome = hiervae("train", "--out", run, "--resume", "--epochs", 4, "--json")
    assert outcome.status == 0
    assert [row["step"] for row in rows_of(run)] == ["6", "12", "18", "24"]
    assert load_model(run / "checkpoints" / "latest.keras").training_step == 24
    assert outcome.record["figures"] == []
    notes = [line for line in outcome.err.splitlines() if line.startswith("hiervae: note: ")]
    assert len(notes) == 2
    assert all('pip install "hiervae[monitoring]"' in line for line in notes)
