"""Settings laid over settings, in presets and on the command line."""

import pytest

from hiervae.presets.merging import merge

PART = {"name": "vhp", "latent_dim": 2}
STAGED = {"class_name": "StagedDecay", "module": "hiervae.optimizers", "config": {"steps": 9}}
COSINE = {"class_name": "CosineDecay", "config": {"decay_steps": 3}}


@pytest.mark.parametrize(
    ("base", "change", "merged"),
    [
        pytest.param(PART, {"latent_dim": 3}, {"name": "vhp", "latent_dim": 3}, id="entry"),
        pytest.param(PART, {"name": "vhp", "k": 3}, {**PART, "k": 3}, id="same part"),
        pytest.param(PART, {"name": "mog", "k": 3}, {"name": "mog", "k": 3}, id="other part"),
        pytest.param(PART, "mog", "mog", id="other part's name"),
        pytest.param("vhp", {"latent_dim": 2}, PART, id="part that was a name"),
        pytest.param("vhp", {"name": "mog", "k": 3}, {"name": "mog", "k": 3}, id="other than name"),
        pytest.param({"k": 3}, {"name": "vhp"}, {"k": 3, "name": "vhp"}, id="config without name"),
        pytest.param(None, PART, PART, id="nothing before"),
        pytest.param(STAGED, COSINE, COSINE, id="Keras object of another class"),
        pytest.param(
            COSINE,
            {"config": {"alpha": 0.1}},
            {**COSINE, "config": {"decay_steps": 3, "alpha": 0.1}},
            id="same object",
        ),
        pytest.param(
            {"class_name": "Adam", "config": {"epsilon": 1e-4}},
            {"class_name": "adam", "config": {}},
            {"class_name": "adam", "config": {"epsilon": 1e-4}},
            id="class in either case",
        ),
        pytest.param(PART, None, None, id="nothing after"),
    ],
)
def test_merge(base, change, merged):
    assert merge(base, change) == merged
    assert merge({"prior": base, "seed": 1}, {"prior": change}) == {"prior": merged, "seed": 1}


def test_merge_changes_neither():
    base, change = {"prior": {**PART}}, {"prior": {"latent_dim": 3}}
    merge(base, change)["prior"]["latent_dim"] = 4
    assert base == {"prior": PART}
    assert change == {"prior": {"latent_dim": 3}}
