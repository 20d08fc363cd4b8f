"""What `hiervae train` refuses before it writes into a folder."""

import pytest

from hiervae.cli import training_session
from hiervae.runs import RunFolder
from hiervae.runs.data import describe_data


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_training_that_was_first_in_a_folder_keeps_its_config(
    hiervae, tmp_path, small, monkeypatch, goes_on
):
    folder, held = RunFolder(tmp_path / "run"), []

    def begin_another(dataset):
        folder.path.mkdir()
        folder.config_file.write_text("of the first")
        if goes_on:
            held.append(folder.locked())
            held[0].__enter__()
        return describe_data(dataset)

    monkeypatch.setattr(training_session, "describe_data", begin_another)
    outcome = hiervae("train", "--out", folder.path, *small)
    for lock in held:
        lock.__exit__(None, None, None)
    assert outcome.status == (1 if goes_on else 2)
    assert ("is in use" if goes_on else "is not empty") in outcome.error
    assert [path.name for path in folder.path.iterdir()] == ["config.json"]
    assert folder.config_file.read_text() == "of the first"
