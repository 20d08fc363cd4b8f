"""What `hiervae train` refuses before it writes into a folder."""

import argparse

import pytest

from hiervae.cli import training_session
from hiervae.cli.train import default_name
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


@pytest.mark.parametrize("options", [(), ("--out", "deep/run"), ("--out", ".")])
def test_a_run_among_the_pictures_it_reads_is_refused(hiervae, tmp_path, monkeypatch, options):
    pictures = tmp_path / "pics"
    pictures.mkdir()
    monkeypatch.chdir(pictures)
    outcome = hiervae("train", "--dataset", ".", *options)
    assert outcome.status == 2
    assert "the folder of pictures to train on" in outcome.error
    assert "by --out" in outcome.error
    assert not list(pictures.iterdir())


def test_a_run_is_named_by_its_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = {".": tmp_path.name, "..": tmp_path.parent.name, "a/own.npz": "own", None: "pendulum"}
    for dataset, name in named.items():
        assert default_name(argparse.Namespace(dataset=dataset, config=None)) == name
