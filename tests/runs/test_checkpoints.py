import shutil

import numpy as np
import pytest

import hiervae
from hiervae.errors import DamagedFileError
from hiervae.model.batch_order import EpochClock
from hiervae.model.fit_state import FitState
from hiervae.model.within_epoch import put_values, take_values
from hiervae.runs import RunFolder
from hiervae.runs.callbacks import History
from hiervae.runs.checkpoints import Checkpoints, latest_in
from hiervae.runs.model_file import load_model


@pytest.fixture
def model():
    network = {"name": "mlp", "hidden_units": (3,)}
    model = hiervae.HierarchicalVAE(latent_dims=2, network=network, seed=0)
    model.compile("adam")
    model.build((None, 4))
    model.optimizer.build(model.trainable_variables)
    return model


def set_all(model, value):
    for variable in model.trainable_variables:
        variable.assign(np.full(variable.shape, value))


def level(model):
    return float(np.max(model.get_weights()[0]))


def test_a_snapshot_holds_weights_and_optimiser(model):
    before = take_values(model)
    set_all(model, 7.0)
    for variable in model.optimizer.variables:
        variable.assign(np.full(variable.shape, 3))
    model.reset_generator(9)
    changed = take_values(model)
    put_values(model, before)
    for ours, theirs in zip(take_values(model), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert sum(not np.array_equal(a, b) for a, b in zip(before, changed, strict=True)) > 10


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_latest_and_best_are_those_of_the_history(model, tmp_path, seconds):
    folder = RunFolder(tmp_path)
    folder.latest_file.parent.mkdir()
    history = History(folder.history_file, [])
    checkpoints = Checkpoints(folder, history, seconds=seconds)
    clock = EpochClock(0)
    for callback in (history, checkpoints):
        callback.set_model(model)
    checkpoints.prepare(model, FitState([history], clock))
    history.on_train_begin()
    for epoch, loss in enumerate((3.0, 1.0, 2.0)):
        set_all(model, epoch + 1.0)
        for callback in (clock, history, checkpoints):
            callback.on_epoch_end(epoch, {"val_loss": loss})
        assert folder.latest_file.exists() is (seconds == 0.0)
        assert level(model) == epoch + 1.0
    set_all(model, 99.0)  # as if within an epoch that is interrupted
    checkpoints.close()
    assert level(model) == 99.0
    assert level(load_model(folder.best_file)) == 2.0
    assert level(load_model(folder.latest_file)) == 3.0
    earlier = {"epoch-000001.keras", "epoch-000002.keras"} if seconds == 0.0 else set()
    found = {path.name for path in folder.latest_file.parent.iterdir()}
    assert found == {"best.keras", "latest.keras"} | earlier


def test_without_a_new_epoch_nothing_is_written(model, tmp_path):
    folder = RunFolder(tmp_path)
    checkpoints = Checkpoints(folder, History(folder.history_file, []))
    checkpoints.set_model(model)
    checkpoints.write()
    assert not list(tmp_path.iterdir())


def write_epochs(model, folder, losses, keep=3):
    """What a run leaves that trained so many epochs; the weights of each are its number."""
    folder.latest_file.parent.mkdir()
    history = History(folder.history_file, [])
    checkpoints = Checkpoints(folder, history, seconds=0.0, keep=keep)
    clock = EpochClock(0)
    for callback in (history, checkpoints):
        callback.set_model(model)
    model._fit_state = FitState([history], clock)  # as within `fit`
    checkpoints.prepare(model, model._fit_state)
    for epoch, loss in enumerate(losses):
        set_all(model, epoch + 1.0)
        for callback in (clock, history, checkpoints):
            callback.on_epoch_end(epoch, {"val_loss": loss})
    checkpoints.close()
    model._fit_state = None


def make_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "garbage": lambda path: path.write_bytes(b"damaged"),
    "missing": lambda path: path.unlink(),
    "folder": make_folder,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("losses", [(3.0, 2.0, 1.0), (3.0, 1.0, 2.0)])
def test_a_damaged_best_epoch_is_taken_from_the_checkpoint_that_holds_it(
    model, tmp_path, damage, losses
):
    folder, notes = RunFolder(tmp_path), []
    write_epochs(model, folder, losses)
    DAMAGES[damage](folder.best_file)
    assert latest_in(folder, notes.append).path == folder.latest_file
    assert level(load_model(folder.best_file)) == 1.0 + losses.index(1.0)
    assert len(notes) == 1
    assert "best.keras was damaged or missing; it is made anew from" in notes[0]


def test_whole_checkpoints_without_the_best_epoch_are_not_trained_over(model, tmp_path):
    folder = RunFolder(tmp_path)
    write_epochs(model, folder, (1.0, 2.0, 3.0), keep=1)
    DAMAGES["garbage"](folder.best_file)
    kept = {path: path.read_bytes() for path in folder.latest_file.parent.iterdir()}
    with pytest.raises(DamagedFileError, match=r"latest.keras beside it are whole.*Restore best"):
        latest_in(folder)
    assert {path: path.read_bytes() for path in folder.latest_file.parent.iterdir()} == kept


def test_a_checkpoint_before_the_lost_best_epoch_is_gone_on_from(model, tmp_path):
    folder, notes = RunFolder(tmp_path), []
    write_epochs(model, folder, (3.0, 1.0, 2.0))
    for name in ("best.keras", "epoch-000002.keras"):
        DAMAGES["garbage"](folder.best_file.with_name(name))
    assert latest_in(folder, notes.append).epoch == 1
    assert "goes on from epoch-000001.keras, before the best epoch" in notes[-1]


def test_a_folder_in_place_of_a_checkpoint_is_set_aside(model, tmp_path):
    folder, notes = RunFolder(tmp_path), []
    write_epochs(model, folder, (3.0, 2.0))
    aside = folder.latest_file.with_name("latest.keras.damaged")
    shutil.copy(folder.latest_file, aside)
    make_folder(folder.latest_file)
    assert latest_in(folder, notes.append).epoch == 1
    assert "latest.keras is damaged (it is a folder). It is set aside" in notes[0]
    assert aside.is_dir()
    assert not folder.latest_file.exists()
