"""Settings laid over settings, in presets and on the command line."""

import pytest

from hiervae.presets.merging import merge

PART = {"name": "vhp", "latent_dim": 2}


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
