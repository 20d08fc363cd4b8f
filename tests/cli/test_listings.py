from pathlib import Path

import pytest

from hiervae import registry


@pytest.fixture
def rival(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A distribution that offers a `vhp` of its own, which cannot even be imported."""
    info = tmp_path / "rival-3.1.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 3.1\n")
    info.joinpath("entry_points.txt").write_text("[hiervae.priors]\nvhp = no_such_module:Prior\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.refresh()
    yield
    monkeypatch.undo()
    registry.refresh()


def test_plugins_lists_every_group(hiervae):
    outcome = hiervae("plugins", "--json")
    rows = outcome.record["plugins"]
    assert {row["group"] for row in rows} == set(registry.GROUPS)
    assert len(rows) == sum(len(registry.entries(group)) for group in registry.GROUPS)
    assert "hiervae.priors.vhp:VariationalHierarchicalPrior" in outcome.err
    assert "CONFLICT" not in outcome.err


def test_plugins_flags_a_conflict_without_importing(hiervae, rival):
    outcome = hiervae("plugins", "--group", "priors")
    assert outcome.status == 0
    flagged = [line for line in outcome.out.splitlines() if "CONFLICT" in line]
    assert len(flagged) == 2
    assert any("rival  " in line and "3.1" in line and "rival:vhp" in line for line in flagged)
    assert "hiervae.schedulers" not in outcome.out


def test_datasets_tells_what_is_missing(hiervae, tmp_path, monkeypatch):
    monkeypatch.delenv("HIERVAE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))
    names = [f"binarized_mnist_{split}.amat" for split in ("train", "valid", "test")]
    for name in names[:2]:
        tmp_path.joinpath(name).write_text("0")

    def row():
        rows = hiervae("datasets", "--data-dir", tmp_path, "--json").record["datasets"]
        return next(row for row in rows if row["name"] == "static_mnist")

    assert row()["missing"] == [names[2]]
    tmp_path.joinpath(names[2]).write_text("0")
    assert row()["present"] is True
    lines = hiervae("datasets", "--data-dir", tmp_path).out.splitlines()
    assert any(line.startswith("static_mnist ") and line.endswith(str(tmp_path)) for line in lines)
    assert any(line.startswith("pendulum ") and line.endswith("generated") for line in lines)
