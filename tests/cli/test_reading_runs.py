"""`evaluate`, `interpolate` and `sample` on a finished run."""

import json
import math
import zipfile

import numpy as np
import pytest

from hiervae.datasets import load
from hiervae.evaluation import gibbs_chain
from hiervae.manifold import LatentGraph
from hiervae.priors.vhp import VariationalHierarchicalPrior
from hiervae.runs import RunFolder, figures
from tests.support.models import small_model

TEST = load("pendulum", num_images=300, valid_size=60, test_size=80)


def test_evaluate_scores_with_its_protocol(hiervae, run):
    before = json.loads((run / "metrics.json").read_text())
    outcome = hiervae(
        "evaluate",
        run,
        "--num-samples",
        7,
        "--limit",
        30,
        "--batch-size",
        20,
        "--seed",
        3,
        "--json",
    )
    assert outcome.status == 0
    score = outcome.record["test"]
    model = RunFolder(run).load_model()
    chosen = TEST.test[np.arange(30) * 80 // 30]
    expected = -model.log_likelihood(chosen, num_samples=7, batch_size=20, seed=3)
    assert score["negative_log_likelihood"] == pytest.approx(expected.mean(), rel=1e-5)
    assert score["standard_error"] == pytest.approx(expected.std(ddof=1) / math.sqrt(30), rel=1e-4)
    assert score["bits_per_dimension"] == pytest.approx(expected.mean() / 256 / math.log(2))
    assert score["elbo"] == pytest.approx(-score["reconstruction"] - score["kl"], rel=1e-5)
    assert score["kl_1"] == pytest.approx(score["kl"])
    assert score["protocol"] == {
        "num_samples": 7,
        "prior_samples": 3,
        "elbo_samples": 1,
        "split": "test",
        "num_examples": 30,
        "of_examples": 80,
        "binarisation": "none",
        "seed": 3,
        "backend": score["protocol"]["backend"],
    }
    after = json.loads((run / "metrics.json").read_text())
    assert after == {**before, "test": score}
    assert "30/30" in outcome.err  # the progress bar
    assert (run / "figures" / "log_likelihoods_test.png").stat().st_size


def test_one_importance_sample_has_no_measures_of_their_weights(hiervae, run, monkeypatch):
    titles = []
    monkeypatch.setattr(
        figures.plotting,
        "log_likelihood_histogram",
        lambda *_, path, title: titles.append(title),
    )
    options = ("--num-samples", 1, "--limit", 20, "--json")
    score = hiervae("evaluate", run, *options).record["test"]
    of_weights = {"sampling_error", "degenerate_examples"}
    assert "negative_log_likelihood" in score
    assert not of_weights & score.keys()
    assert not [name for name in score if "effective" in name]
    assert titles == ["log-likelihood with 1 importance sample"]
    assert hiervae("report", run).status == 0


def test_each_scored_split_has_its_rate_and_distortion(hiervae, run, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        figures.plotting, "rate_distortion", lambda points, path: drawn.update({path.name: points})
    )
    scores = {}
    for split in ("valid", "test"):
        options = ("--split", split, "--num-samples", 3, "--limit", 20, "--json")
        scores[split] = hiervae("evaluate", run, *options).record[split]
    points = drawn["rate_distortion.png"]
    assert list(points)[-2:] == ["valid", "test"]
    for split, score in scores.items():
        assert points[split].elbo == pytest.approx(score["elbo"])
        assert points[split].rate == score["kl"]


@pytest.mark.compiles(0)
def test_evaluate_goes_on_with_an_interrupted_scoring(hiervae, run):
    options = ("evaluate", run, "--num-samples", 9, "--limit", 30, "--json")
    first = hiervae(*options, "--resume")
    assert "holds no interrupted scoring" in first.err
    folder = RunFolder(run)
    partial, model = folder.partial_scores_file("test"), folder.load_model()

    chosen = TEST.test[np.arange(30) * 80 // 30]

    def stop(done):
        if done >= 20:
            raise KeyboardInterrupt

    for seed, message in ((0, ""), (1, "of other examples or settings; scoring begins anew")):
        with pytest.raises(KeyboardInterrupt):
            model.score(chosen, 9, 10, seed, 0, resume_file=partial, progress=stop)
        again = hiervae(*options, "--resume")
        assert again.status == 0, again.err
        assert not partial.exists()
        assert message in again.err
        assert "anew" not in again.err or message
        for name, value in first.record["test"].items():
            if isinstance(value, float):
                assert again.record["test"][name] == pytest.approx(value, rel=1e-4)
    score = first.record["test"]
    assert score["sampling_error"] > 0.0
    assert 1.0 <= score["smallest_effective_sample_size"] <= score["median_effective_sample_size"]
    assert score["median_effective_sample_size"] <= 9.0
    assert 0 <= score["degenerate_examples"] <= 30


@pytest.mark.parametrize("command", ["evaluate", "interpolate"])
def test_without_test_examples_others_are_taken(hiervae, run, command):
    config = json.loads((run / "config.json").read_text())
    config["dataset"]["options"] |= {"test_size": 0, "valid_size": 0}
    config["data"]["checksum"] = None
    (run / "config.json").write_text(json.dumps(config))
    outcome = hiervae(command, run, "--split", "test")
    assert outcome.status == 2
    assert "--split test: The test split of 'pendulum' is empty; it has train." in outcome.error
    short = {
        "evaluate": ("--num-samples", 2, "--limit", 10),
        "interpolate": ("--num-nodes", 60),
    }[command]
    outcome = hiervae(command, run, *short, "--json")
    assert outcome.status == 0, outcome.err
    found = outcome.record
    scored = found["train"]["protocol"] if command == "evaluate" else found["interpolation"]
    assert scored["split"] == "train"


@pytest.mark.parametrize("command", ["evaluate", "interpolate", "train", "datasets"])
def test_a_folder_of_data_that_is_none_is_a_wrong_call(hiervae, run, tmp_path, command):
    operands = {"train": ["--out", tmp_path / "other"], "datasets": []}.get(command, [run])
    outcome = hiervae(command, *operands, "--data-dir", tmp_path / "none")
    assert outcome.status == 2
    assert "(--data-dir) is" in outcome.error
    assert not (tmp_path / "other").exists()


def test_other_data_is_refused(hiervae, run):
    config = json.loads((run / "config.json").read_text())
    config["dataset"]["options"]["seed"] = 1
    (run / "config.json").write_text(json.dumps(config))
    outcome = hiervae("evaluate", run)
    assert outcome.status == 1
    assert "checksum" in outcome.error


def test_interpolate_between_angles(hiervae, run):
    outcome = hiervae("interpolate", run, "--from", -10, "--to", 100, "--num-nodes", 60, "--json")
    assert outcome.status == 0
    record = outcome.record["interpolation"]
    degrees = np.rad2deg(TEST.test_labels)
    for chosen, wanted in zip(record["examples"], (350.0, 100.0), strict=True):
        distance = np.abs((degrees - wanted + 180.0) % 360.0 - 180.0)
        assert distance[chosen] == distance.min() < 10.0
    model = RunFolder(run).load_model()
    graph = LatentGraph.load(run / "graph.npz", model)
    assert graph.num_nodes == record["num_nodes"] == 60
    path = graph.interpolate(*TEST.test[record["examples"]])
    assert record["length"] == pytest.approx(path.length, rel=1e-5)
    assert record["node_ids"] == path.node_ids.tolist()
    assert record["length"] >= record["straight_length"]
    assert record["prune_fraction"] == graph.prune_fraction == 0.05
    assert record["longest_edge"] == pytest.approx(path.longest_edge, rel=1e-5)
    assert record["largest_jump"] == pytest.approx(path.largest_jump, rel=1e-5)
    assert record["leaves_mass"] is path.leaves_mass
    assert ("next to no mass" in outcome.err) is path.leaves_mass
    assert sorted(outcome.record["figures"]) == [
        "interpolation_-10_100_nodes_60.png",
        "latent_graph_-10_100_nodes_60.png",
    ]
    assert all((run / "figures" / name).stat().st_size for name in outcome.record["figures"])
    assert json.loads((run / "metrics.json").read_text())["interpolation"] == record
    plain = hiervae(
        "interpolate", run, "--from", -10, "--to", 100, "--num-nodes", 60, "--prune-fraction", 0
    )
    assert plain.status == 0
    assert LatentGraph.load(run / "graph.npz").walkable.all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--from=3", "--to=720", "--by=index"],
            "--to 720 is no position in the test split of 'pendulum', which has 80 examples; "
            "expected a whole number from 0 to 79, or choose by label with --by label.",
        ),
        (["--from=4.5", "--to=3", "--by=index"], "--from 4.5 is no position"),
        (["--from=0", "--to=360"], "--from 0 and --to 360 are both the test example"),
        (["--from=0"], "--from was given without --to; expected both or neither."),
        (["--to=0"], "--to was given without --from; expected both or neither."),
        (
            ["--num-nodes=5"],
            "--num-neighbors is 10 for 5 nodes; each node has 4 others. Lower --num",
        ),
        (["--prune-fraction=1.5"], "--prune-fraction"),
    ],
)
def test_interpolate_refuses_what_does_not_exist(hiervae, run, options, message):
    outcome = hiervae("interpolate", run, *options)
    assert outcome.status == 2
    assert message in outcome.error
    assert not (run / "graph.npz").exists()


def test_interpolate_chooses_ends_that_differ(hiervae, run):
    outcome = hiervae("interpolate", run, "--num-nodes", 60, "--json")
    assert outcome.status == 0
    record = outcome.record["interpolation"]
    assert (record["from"], record["to"], record["by"]) == (0.0, 180.0, "label")
    start, end = np.rad2deg(record["labels"])
    assert abs((end - start + 180.0) % 360.0 - 180.0) > 150.0
    images = TEST.test[record["examples"]]
    assert np.abs(images[0] - images[1]).max() > 0.5


def test_samples_are_reproducible(hiervae, run, tmp_path):
    means, noisy = tmp_path / "means.npy", tmp_path / "noisy.npy"
    assert hiervae("sample", run, "--num", 5, "--seed", 1, "--npy", means).status == 0
    assert (run / "figures" / "samples_seed_1_num_5.png").exists()
    model = RunFolder(run).load_model()
    expected = model.generate(model.sample_prior(5, seed=1))
    assert expected.shape == (5, 16, 16)
    np.testing.assert_allclose(np.load(means), expected, rtol=1e-5, atol=1e-6)

    outcome = hiervae("sample", run, "--num", 5, "--seed", 1, "--noise", "--npy", noisy, "--json")
    assert outcome.record["noise"] is True
    assert outcome.record["figures"] == ["samples_seed_1_num_5_noise.png"]
    expected = model.sample(5, seed=1)
    np.testing.assert_allclose(np.load(noisy), expected, rtol=1e-5, atol=1e-6)
    assert np.std(expected - np.load(means)) > 0.1


@pytest.fixture
def grids(monkeypatch):
    """The grids of images that are drawn, by the names of their files."""
    drawn = {}
    monkeypatch.setattr(
        figures.plotting,
        "image_grid",
        lambda images, path, num_columns, title, **_: drawn.update(
            {path.name: (images, num_columns, title)}
        ),
    )
    return drawn


@pytest.mark.compiles(0)
def test_plain_pictures_have_short_names(hiervae, run, monkeypatch):
    assert hiervae("sample", run, "--json").record["figures"] == ["samples_seed_0.png"]
    names = []
    monkeypatch.setattr(
        figures.plotting, "interpolation_strip", lambda *_, path, **options: names.append(path.name)
    )
    monkeypatch.setattr(figures.plotting, "latent_space", lambda *_, **options: None)
    ends = ("--from=0", "--to=180")
    calls = (
        (),
        (*ends, "--by=label", "--prune-fraction=0.05"),
        ("--from=0", "--to=18", "--by=index"),
        (*ends, "--split=valid", "--seed=3"),
        (*ends, "--num-nodes=50", "--num-neighbors=9", "--prune-fraction=0"),
    )
    for options in calls:
        outcome = hiervae("interpolate", run, *options)
        assert outcome.status == 0, outcome.err
    assert names == [
        "interpolation_0_180.png",
        "interpolation_0_180.png",
        "interpolation_0_18_by_index.png",
        "interpolation_0_180_split_valid_seed_3.png",
        "interpolation_0_180_nodes_50_neighbors_9_pruned_0.png",
    ]


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize(("steps", "spacing"), [(6, 1), (40, 2)])
def test_chains_go_on_from_samples(hiervae, run, tmp_path, grids, steps, spacing, noise):
    ends = tmp_path / "ends.npy"
    options = ("--num", 3, "--seed", 1, "--chain", steps, "--npy", ends, "--json")
    record = hiervae("sample", run, *options, *["--noise"] * noise).record
    name = f"gibbs_chain_seed_1_steps_{steps}_num_3{'_noise' * noise}.png"
    assert (record["chain"], record["figures"]) == (steps, [name])
    model = RunFolder(run).load_model()
    start = model.sample(3, seed=1)
    chain = gibbs_chain(model, start, num_steps=steps, seed=1)
    images, num_columns, title = grids[name]
    kept = range(0, steps + 1, spacing)
    assert num_columns == len(kept)
    assert f"{'draws' if noise else 'means'} after steps {', '.join(map(str, kept))};" in title
    shown = [start, *chain.samples]
    if not noise:
        shown = [model.generate(model.sample_prior(3, seed=1)), *chain.means]
    expected = np.stack(shown)[kept].swapaxes(0, 1)
    np.testing.assert_allclose(images, expected.reshape(-1, 16, 16), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.load(ends), shown[-1], rtol=1e-4, atol=1e-5)


def test_chains_of_any_number_of_steps_have_about_as_many_columns(run):
    model = RunFolder(run).load_model()
    chain = gibbs_chain(model, model.sample(2, seed=1), num_steps=47, seed=1)
    _, rows, steps, _ = figures.chains_of(model, 2, 1, noise=False, num_steps=47)
    assert (steps[0], steps[-1], len(steps)) == (0, 47, 21)
    assert set(np.diff(steps)) == {2, 3}
    expected = chain.means[np.array(steps[1:]) - 1].swapaxes(0, 1)
    np.testing.assert_allclose(rows[:, 1:], expected, rtol=1e-4, atol=1e-5)


def test_a_chain_begins_with_the_mean_behind_its_start():
    """Of several levels too; with next to no noise a draw is its mean."""
    likelihood = {"name": "gaussian", "variance": 1e-10}
    model = small_model(latent_dims=(3, 2), likelihood=likelihood)
    model.build((None, 6))
    _, rows, _, kind = figures.chains_of(model, 5, 1, noise=False, num_steps=1)
    assert kind == "means"
    np.testing.assert_allclose(rows[:, 0], model.sample(5, seed=1), atol=1e-3)
    assert np.ptp(rows[:, 0], axis=0).min() > 0.01


def test_chains_of_a_component_are_refused(hiervae, run):
    outcome = hiervae("sample", run, "--chain", 2, "--component", 1)
    assert outcome.status == 2
    assert "not allowed with argument" in outcome.err


@pytest.mark.parametrize("command", ["evaluate", "sample", "interpolate"])
def test_a_damaged_model_is_one_line(hiervae, run, command):
    content = (run / "model.keras").read_bytes()
    (run / "model.keras").write_bytes(content[: len(content) // 2])
    options = ["--from=0", "--to=1"] if command == "interpolate" else []
    outcome = hiervae(command, run, *options)
    assert outcome.status == 1
    assert "model.keras cannot be read as a model: the file is cut short" in outcome.error
    assert outcome.error.endswith(f"hiervae train --out {run} --resume")


@pytest.mark.parametrize("command", ["evaluate", "interpolate"])
def test_damaged_metrics_are_refused_before_the_work(hiervae, run, command, monkeypatch):
    (run / "metrics.json").write_text("{")
    monkeypatch.setattr(RunFolder, "load_model", lambda folder: pytest.fail("it began to work"))
    options = ["--from=0", "--to=1"] if command == "interpolate" else []
    outcome = hiervae(command, run, *options)
    assert outcome.status == 1
    assert "metrics.json is no JSON" in outcome.error


@pytest.mark.parametrize(
    ("target", "message"), [("none/x.npy", "there is no folder"), ("", "this is a folder")]
)
def test_an_array_that_cannot_be_written_is_refused_before_the_work(
    hiervae, run, tmp_path, target, message, monkeypatch
):
    monkeypatch.setattr(RunFolder, "load_model", lambda folder: pytest.fail("it began to work"))
    outcome = hiervae("sample", run, "--npy", tmp_path / target)
    assert outcome.status == 2
    assert f"--npy {tmp_path / target}: {message}" in outcome.error


@pytest.mark.parametrize("content", ["", "[1]", '{"format": "other"}', "{"])
def test_a_damaged_config_is_one_line(hiervae, run, content):
    (run / "config.json").write_text(content)
    outcome = hiervae("sample", run)
    assert outcome.status == 1
    assert "config.json" in outcome.error


@pytest.mark.parametrize(
    ("command", "section", "value", "message"),
    [
        ("sample", "data", {}, "data.value_range=None; expected the lowest and the highest"),
        ("sample", "data", None, "data is None; expected an object"),
        ("sample", "training", None, "training is None; expected an object"),
        ("evaluate", "dataset", "own.npz", "dataset is 'own.npz'; expected an object"),
    ],
)
def test_a_config_of_another_structure_is_one_line(hiervae, run, command, section, value, message):
    record = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(record | {section: value}))
    outcome = hiervae(command, run)
    assert outcome.status == 1
    assert message in outcome.error


def test_metrics_of_another_structure_are_refused(hiervae, run):
    (run / "metrics.json").write_text('{"train": 5}')
    outcome = hiervae("evaluate", run)
    assert outcome.status == 1
    assert "metrics.json has train=5; expected an object" in outcome.error


def test_a_model_of_a_missing_plugin_names_it(hiervae, run):
    with zipfile.ZipFile(run / "model.keras") as source:
        parts = {name: source.read(name) for name in source.namelist()}
    assert b'"name": "vhp"' in parts["config.json"]
    parts["config.json"] = parts["config.json"].replace(b'"name": "vhp"', b'"name": "vhq"')
    with zipfile.ZipFile(run / "model.keras", "w") as target:
        for name, content in parts.items():
            target.writestr(name, content)
    outcome = hiervae("sample", run)
    assert outcome.status == 1
    assert "vhq" in outcome.error


def test_a_part_that_is_refused_keeps_its_own_error(hiervae, run, monkeypatch):
    """Keras wraps a TypeError met while loading into many lines of its own."""
    monkeypatch.setattr(VariationalHierarchicalPrior, "interface_version", 0)
    outcome = hiervae("sample", run)
    assert outcome.status == 1
    assert "interface" in outcome.error
    assert "cannot be read as a model" not in outcome.error


def test_no_run_folder_is_one_line(hiervae, tmp_path):
    assert "does not exist" in hiervae("sample", tmp_path / "none").error
    assert "no run folder" in hiervae("evaluate", tmp_path).error
