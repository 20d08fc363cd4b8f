"""Tuners copy callbacks before each training, and some send them to other processes."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from hiervae.callbacks import (
    BetaController,
    EarlyStopping,
    ImageMonitor,
    LatentMonitor,
    TensorBoard,
)
from tests.support.models import binary_data, compiled, small_model

# Keras' variables have an `__array__` of NumPy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X = binary_data(12)
MAKERS = {
    "TensorBoard": lambda path: TensorBoard(path / "a", update_freq=1),
    "ImageMonitor": lambda path: ImageMonitor(X, log_dir=path / "a", every=1),
    "LatentMonitor": lambda path: LatentMonitor(X, path / "a", every=1, values=X[:, 0]),
    "BetaController": lambda path: BetaController("rewo", kappa=0.3),
    "EarlyStopping": lambda path: EarlyStopping("val_elbo", patience=3),
}


def sent(callback):
    return pickle.loads(pickle.dumps(callback))


@pytest.mark.compiles(3)
@pytest.mark.parametrize("copied", [copy.deepcopy, sent])
@pytest.mark.parametrize("name", MAKERS)
def test_a_copy_does_what_the_callback_does(tmp_path, name, copied):
    if name in ("TensorBoard", "ImageMonitor"):
        pytest.importorskip("tensorboard")
    original = MAKERS[name](tmp_path)
    model = compiled(small_model())
    model.fit(X, validation_data=X, epochs=2, verbose=0, callbacks=[copied(original)])
    if name not in ("BetaController", "EarlyStopping"):
        assert [path for path in (tmp_path / "a").rglob("*") if path.is_file()]


def test_a_copy_made_in_training_has_files_of_its_own(tmp_path):
    pytest.importorskip("tensorboard")
    original = TensorBoard(tmp_path / "a")
    original.set_model(SimpleNamespace(training_step=0, optimizer=SimpleNamespace(iterations=0)))
    original.on_train_begin()
    other = copy.copy(original)
    assert original._writers
    assert not other._writers
    assert other._lock is not original._lock
    original.on_train_end()


def test_settings_are_kept():
    made = copy.deepcopy(TensorBoard("logs", update_freq=7, write_steps_per_second=False))
    assert (str(made.log_dir), made.update_freq, made.write_steps_per_second) == ("logs", 7, False)
    np.testing.assert_array_equal(copy.deepcopy(ImageMonitor(X, "a")).x, X)
