"""What is found of a model is not kept once a training has put another in its place."""

import os

import pytest

from hiervae.errors import HiervaeError
from hiervae.runs import RunFolder, model_file

WORK = {
    "evaluate": ("--num-samples=2", "--limit=5"),
    "interpolate": ("--num-nodes=100", "--from=0", "--to=90"),
    "sample": ("--num=4",),
    "traverse": ("--num=2",),
}


def files_of(run):
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", WORK)
def test_results_of_a_replaced_model_are_refused(hiervae, run, command, monkeypatch):
    load = RunFolder.load_model

    def load_and_replace(folder):
        model = load(folder)
        os.utime(folder.model_file, ns=(1, 1))
        return model

    monkeypatch.setattr(RunFolder, "load_model", load_and_replace)
    before = files_of(run)
    outcome = hiervae(command, run, *WORK[command])
    assert outcome.status == 1
    assert "model.keras was replaced while this command worked" in outcome.error
    assert files_of(run) == before


def test_a_model_that_is_gone_counts_as_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(model_file, "load_model", lambda path: None)
    folder = RunFolder(tmp_path)
    folder.model_file.touch()
    folder.load_model()
    folder.write_metrics(test={"elbo": 1.0})
    folder.model_file.unlink()
    with pytest.raises(HiervaeError, match="run the command again"):
        folder.write_metrics(test={"elbo": 2.0})
    assert folder.read_metrics() == {"test": {"elbo": 1.0}}


def test_a_folder_that_loaded_no_model_is_written_to(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_metrics(training={"epochs": 1})
    folder.model_file.touch()
    assert folder.write_metrics(training={"epochs": 2}) == {"training": {"epochs": 2}}
