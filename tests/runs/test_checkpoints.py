import numpy as np
import pytest

import hiervae
from hiervae.model.batch_order import EpochClock
from hiervae.model.fit_state import FitState
from hiervae.model.within_epoch import put_values, take_values
from hiervae.runs import RunFolder
from hiervae.runs.callbacks import History
from hiervae.runs.checkpoints import Checkpoints
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
