"""A `fit` that was broken off and is started again is the one never broken off, bit for bit."""

import signal
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import hiervae
from hiervae.callbacks import EarlyStopping, Resume
from hiervae.callbacks.checkpoint_files import read_checkpoint
from hiervae.errors import HiervaeError
from hiervae.utils.locks import exclusive

X = np.random.default_rng(1).integers(0, 2, (60, 6)).astype("float32")
VALID = np.random.default_rng(2).integers(0, 2, (20, 6)).astype("float32")
EPOCHS = 6


class Reshuffled(keras.utils.PyDataset):
    """Rows in an order of its own in each epoch, fetched by threads."""

    def __init__(self):
        super().__init__(workers=3)
        self.generator = np.random.default_rng(3)
        self.order = np.arange(len(X))

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return (X[self.order[20 * index : 20 * index + 20]],)

    def on_epoch_end(self):
        self.order = self.generator.permutation(len(X))


class Crash(keras.callbacks.Callback):
    """Ends the fourth epoch at its beginning."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            raise ConnectionError


class Counting(keras.callbacks.Callback):
    """A callback of a user's own, which lowers the learning rate by what it counted."""

    def __init__(self):
        super().__init__()
        self.seen = 0.0

    def get_state(self):
        return {"seen": self.seen}

    def set_state(self, state):
        self.seen = state["seen"]

    def on_epoch_end(self, epoch, logs=None):
        self.seen += logs["val_loss"]
        self.model.optimizer.learning_rate = 1e-3 / (1.0 + self.seen)


def early_stopping():
    return EarlyStopping("val_loss", patience=3, min_delta=2.0, restore_best_weights=True)


CASES = {
    "arrays": lambda: (X, []),
    "data set": lambda: (Reshuffled(), []),
    "early stopping": lambda: (X, [early_stopping()]),
    "plateau": lambda: (X, [keras.callbacks.ReduceLROnPlateau("val_loss", patience=2)]),
    "own": lambda: (X, [Counting()]),
    "rule": lambda: (X, [hiervae.callbacks.BetaController("rewo", kappa=0.5, resume=False)]),
}


def train(savers, data, callbacks, epochs=EPOCHS, **options):
    """Train a new model, with options of Adam; returns it with what `fit` returned."""
    keras.utils.set_random_seed(0)
    network = {"name": "mlp", "hidden_units": [4]}
    model = hiervae.HierarchicalVAE(latent_dims=2, network=network, seed=0)
    model.compile(keras.optimizers.Adam(2e-3, **options))
    model.build((None, 6))
    history = model.fit(
        data,
        batch_size=20 if data is X else None,
        epochs=epochs,
        validation_data=(VALID,),
        callbacks=[*savers, *callbacks],
        verbose=0,
    )
    return model, history


def values(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assert_same(first, second):
    for ours, theirs in zip(values(first), values(second), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.compiles(2)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("saver", [Resume, keras.callbacks.BackupAndRestore])
def test_a_broken_fit_goes_on_as_if_it_was_not(tmp_path, case, saver):
    whole, _ = train([], *CASES[case]())
    data, callbacks = CASES[case]()
    with pytest.raises(ConnectionError):
        train([saver(tmp_path / "run")], data, [*callbacks, Crash()])
    resumed, _ = train([saver(tmp_path / "run")], *CASES[case]())
    assert_same(resumed, whole)
    if case == "early stopping":
        assert 3 * 3 < whole.training_step < 3 * EPOCHS, "it has to stop after the break"


@pytest.mark.parametrize("saver", [Resume, keras.callbacks.BackupAndRestore])
def test_averages_that_were_swapped_in_are_swapped_back(tmp_path, saver):
    def run(savers):
        swapping = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
        return train(savers, X, [swapping, Crash()][: 1 + crashes], use_ema=True, ema_momentum=0.9)

    crashes = False
    whole, _ = run([])
    crashes = True
    with pytest.raises(ConnectionError):
        run([saver(tmp_path / "run")])
    crashes = False
    assert_same(run([saver(tmp_path / "run")])[0], whole)


def test_a_backup_within_an_epoch_is_refused(tmp_path):
    saver = keras.callbacks.BackupAndRestore(tmp_path / "run", save_freq=3)
    with pytest.raises(ValueError, match=r"save_freq=3.*Resume\(folder, every_steps=3\)"):
        train([saver], X, [])


def test_a_fit_that_has_ended_goes_no_further_unless_epochs_are_raised(tmp_path):
    first, history = train([Resume(tmp_path / "run")], X, [early_stopping()])
    again, later = train([Resume(tmp_path / "run")], X, [early_stopping()], epochs=20)
    assert_same(again, first)
    assert later.history == history.history
    longer, _ = train([Resume(tmp_path / "other")], X, [], epochs=2)
    longer, history = train([Resume(tmp_path / "other")], X, [], epochs=4)
    assert_same(longer, train([], X, [], epochs=4)[0])
    assert len(history.history["loss"]) == 4


def test_what_is_kept(tmp_path):
    saver = Resume(tmp_path / "run", every=2, keep=2)
    model, _ = train([saver], X, [], epochs=5)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"latest.keras", "epoch-000004.keras"}, "the last epoch is written at the end"
    assert read_checkpoint(saver.latest_file).epoch == 5
    assert_same(keras.models.load_model(saver.latest_file), model)


def flip(path):
    """Change one byte in the middle of the weights, and make the archive's own sum right."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
        record = archive.comment
    weights = bytearray(members["model.weights.h5"])
    weights[len(weights) // 2] ^= 1
    members["model.weights.h5"] = bytes(weights)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.comment = record


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.compiles(1)
@pytest.mark.parametrize("damage", [cut, flip, lambda path: path.write_bytes(b"")])
def test_a_damaged_checkpoint_is_set_aside(tmp_path, damage):
    train([Resume(tmp_path)], X, [], epochs=3)
    damage(tmp_path / "latest.keras")
    with pytest.warns(UserWarning, match=r"latest.keras is damaged .*latest.keras.damaged"):
        resumed, _ = train([Resume(tmp_path)], X, [], epochs=4)
    assert_same(resumed, train([], X, [], epochs=4)[0])
    for path in tmp_path.glob("*.keras"):
        damage(path)
    with pytest.warns(UserWarning, match="is damaged"):
        anew, _ = train([Resume(tmp_path)], X, [], epochs=1)
    assert anew.training_step == 3


def test_one_fit_at_a_time(tmp_path):
    with exclusive(tmp_path), pytest.raises(HiervaeError, match="is in use"):
        train([Resume(tmp_path)], X, [], epochs=1)
    train([Resume(tmp_path)], X, [], epochs=1)


def test_another_model_is_refused(tmp_path):
    train([Resume(tmp_path)], X, [], epochs=1)
    model = hiervae.HierarchicalVAE(latent_dims=3, network={"name": "mlp", "hidden_units": [4]})
    model.compile("adam")
    with pytest.raises(HiervaeError, match="checkpoint of another model"):
        model.fit(X, callbacks=[Resume(tmp_path)], verbose=0)


@pytest.mark.parametrize("saver", [Resume, keras.callbacks.BackupAndRestore])
def test_another_rule_begins_anew(tmp_path, saver):
    former = hiervae.callbacks.BetaController("constant", beta=4.0)
    with pytest.raises(ConnectionError):
        train([saver(tmp_path / "saved")], X, [former, Crash()])
    rule = hiervae.callbacks.BetaController("linear_warmup", epochs=4)
    with pytest.warns(UserWarning, match="another beta scheduler than the given LinearWarmup"):
        _, history = train([saver(tmp_path / "saved")], X, [rule])
    np.testing.assert_allclose(history.history["beta"][-3:], [1 / 4, 2 / 4, 3 / 4])


def test_a_state_that_cannot_be_saved_names_the_callback(tmp_path):
    counting = Counting()
    counting.seen = {1.0, 2.0}
    with pytest.raises(ValueError, match=r"get_state\(\) of Counting.*set.*expected a dict"):
        train([Resume(tmp_path)], X, [counting], epochs=1)


@pytest.mark.parametrize(
    "options", [{"every": 0}, {"keep": 0}, {"seconds": -1.0}, {"seconds": "5"}]
)
def test_wrong_options_are_refused(tmp_path, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Resume(tmp_path, **options)


KILLED = """
import os, signal, sys
from tests.callbacks import test_resume as own
import keras
from hiervae.callbacks import Resume, checkpoint_files

if sys.argv[2] == "write":
    def kill(*arguments):
        os.kill(os.getpid(), signal.SIGKILL)
    written = []
    checksums = checkpoint_files._checksums
    checkpoint_files._checksums = lambda path: (written.append(path), len(written) > 2 and kill(),
                                                checksums(path))[-1]
class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.training_step == 8 and sys.argv[2] == "step":
            os.kill(os.getpid(), signal.SIGKILL)
own.train([Resume(sys.argv[1])], own.X, [Kill()])
"""


@pytest.mark.compiles(1)
@pytest.mark.parametrize("moment", ["step", "write"])
def test_a_killed_process_goes_on_exactly(tmp_path, moment, request):
    script = KILLED.replace("from tests.callbacks import test_resume as own", "")
    script = (
        "import importlib.util\n"
        + (
            f"spec = importlib.util.spec_from_file_location('own', {str(__file__)!r})\n"
            "own = importlib.util.module_from_spec(spec); spec.loader.exec_module(own)\n"
        )
        + script
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "run", moment], cwd=request.config.rootpath
    )
    assert ended.returncode == -signal.SIGKILL
    resumed, _ = train([Resume(tmp_path / "run")], X, [])
    assert_same(resumed, train([], X, [])[0])
    assert not list((tmp_path / "run").glob(".*"))


def test_weights_that_a_callback_begins_with_bring_no_state_along(tmp_path):
    """A file that was saved within a resumable `fit` holds the state of that `fit` as well."""

    class Warm(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.load_weights(tmp_path / "w.weights.h5")

    saving = keras.callbacks.ModelCheckpoint(tmp_path / "w.weights.h5", save_weights_only=True)
    first = hiervae.HierarchicalVAE(latent_dims=2, seed=0)
    first.compile("adam")
    first.fit(X, epochs=3, verbose=0, callbacks=[Resume(tmp_path / "first"), saving])
    second = hiervae.HierarchicalVAE(latent_dims=2, seed=1)
    second.compile("adam")
    second.build((None, *X.shape[1:]))
    history = second.fit(X, epochs=2, verbose=0, callbacks=[Warm(), Resume(tmp_path / "second")])
    assert history.epoch == [0, 1]
    assert len(history.history["loss"]) == 2
