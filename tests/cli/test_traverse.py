"""`traverse`, and the pictures of a run with several levels."""

import shutil

import numpy as np
import pytest

from hiervae import cli
from hiervae.evaluation import noise_sweep, traversal
from hiervae.runs import RunFolder, figures

pytestmark = pytest.mark.compiles(0)

SMALL = (
    "--preset=vlae",
    "--dataset-option=num_images=60",
    "--dataset-option=valid_size=20",
    "--dataset-option=test_size=20",
    "--batch-size=20",
    "--epochs=1",
    "--set=model.latent_dims=[2,1,3]",
    '--set=model.network={"name": "mlp", "hidden_units": [6]}',
)


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
    """A finished run of three levels; not to be written to."""
    folder = tmp_path_factory.mktemp("ladder") / "run"
    assert cli.main(["train", "--dataset=pendulum", "--out", str(folder), *SMALL]) == 0
    return folder


@pytest.fixture
def run(ladder, tmp_path):
    return shutil.copytree(ladder, tmp_path / "run")


@pytest.fixture
def grids(monkeypatch):
    """What is drawn as a grid, by the file's name."""
    seen = {}

    def image_grid(images, path, num_columns, **options):
        seen[path.name] = images, num_columns

    monkeypatch.setattr(figures.plotting, "image_grid", image_grid)
    return seen


def test_training_draws_the_kl_of_several_levels(ladder):
    assert (ladder / "figures" / "kl_levels.png").stat().st_size


def test_every_level_has_its_picture(hiervae, run):
    outcome = hiervae("traverse", run, "--num", 3)
    assert outcome.status == 0
    names = [f"traversal_level_{level}_num_3.png" for level in (1, 2, 3)]
    assert ", ".join(names) in outcome.out
    assert all((run / "figures" / name).stat().st_size for name in names)


def test_pictures_show_the_traversal_asked_for(hiervae, run, grids):
    options = ("--level", 2, "--num", 4, "--limit", 0.5, "--others", "fresh", "--seed", 7)
    record = hiervae("traverse", run, *options, "--json").record
    assert record == {
        "run": str(run),
        "levels": [{"level": 2, "rows": 4, "columns": 4, "limit": 0.5, "others": "fresh"}],
        "limit": 0.5,
        "others": "fresh",
        "noise": False,
        "seed": 7,
        "figures": ["traversal_level_2_num_4_limit_0.5_others_fresh_seed_7.png"],
    }
    (images, num_columns), model = grids[record["figures"][0]], RunFolder(run).load_model()
    expected = traversal(model, 2, num=4, limit=0.5, others="fresh", seed=7)
    assert num_columns == 4
    np.testing.assert_allclose(images, expected.reshape(16, 16, 16), rtol=1e-5, atol=1e-6)


def test_sizes_are_those_of_the_paper(hiervae, run, grids):
    record = hiervae("traverse", run, "--json").record
    assert [(level["rows"], level["columns"]) for level in record["levels"]] == [
        (20, 20),
        (10, 10),
        (10, 10),
    ]
    assert [len(images) for images, _ in grids.values()] == [400, 100, 100]
    assert list(grids) == [f"traversal_level_{level}.png" for level in (1, 2, 3)]


def test_what_was_used_is_told_of_each_level(hiervae, run, grids):
    def used(*options):
        record = hiervae("traverse", run, *options, "--num", 2, "--json").record
        levels = [(level["limit"], level["others"]) for level in record["levels"]]
        return levels, (record["limit"], record["others"])

    levels = [(2.0, "fresh"), (2.0, "held"), (None, "held")]
    assert used() == (levels, (2.0, None))
    assert used("--limit", 3)[0] == [(3.0, "fresh"), (3.0, "held"), (None, "held")]
    assert used("--level", 3) == ([(None, "held")], (None, None))
    assert used("--noise") == ([(None, None)] * 3, (None, None))
    model = RunFolder(run).load_model()
    images, _ = grids["traversal_level_1_num_2.png"]
    expected = traversal(model, 1, num=2, limit=2.0, others="fresh").reshape(4, 16, 16)
    np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-6)


def test_other_settings_draw_other_pictures(hiervae, run, grids):
    calls = ("", "--limit=1.5", "--others=held", "--num=3", "--seed=1", "--limit=2 --others=fresh")
    for options in calls:
        assert hiervae("traverse", run, "--level=1", *options.split()).status == 0
    assert list(grids) == [
        f"traversal_level_1{end}.png"
        for end in ("", "_limit_1.5", "_others_held", "_num_3", "_seed_1")
    ]


def test_the_noise_of_each_level_is_redrawn(hiervae, run, grids):
    record = hiervae("traverse", run, "--noise", "--num", 3, "--seed", 7, "--json").record
    names = [f"noise_sweep_level_{level}_num_3_seed_7.png" for level in (1, 2, 3)]
    assert (record["noise"], record["limit"], record["figures"]) == (True, None, names)
    model = RunFolder(run).load_model()
    for level, name in enumerate(names, start=1):
        images, num_columns = grids[name]
        expected = noise_sweep(model, level, num=3, seed=7).reshape(9, 16, 16)
        assert num_columns == 3
        np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--level=4"], "from 1 (nearest the data) to 3"),
        (["--others=fresh"], "level 3 of 3"),
        (["--level=3", "--limit=1"], "--limit 1 was given for level 3, of more than two"),
        (["--noise", "--level=4"], "from 1 (nearest the data) to 3"),
        (["--noise", "--limit=1"], "leave --limit and --others out"),
        (["--noise", "--others=held"], "leave --limit and --others out"),
    ],
)
def test_what_cannot_be_traversed_is_a_wrong_call(hiervae, run, options, message):
    before = set((run / "figures").iterdir())
    outcome = hiervae("traverse", run, *options)
    assert outcome.status == 2
    assert message in outcome.error
    assert set((run / "figures").iterdir()) == before
