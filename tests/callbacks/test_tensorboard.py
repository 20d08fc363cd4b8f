import math
import sys
import threading
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from hiervae.callbacks.tensorboard import TensorBoard
from hiervae.errors import HiervaeError

# Keras' variables have an `__array__` of NumPy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NUM_STEPS = 7  # steps an epoch
x = np.random.default_rng(0).normal(size=(4 * NUM_STEPS, 3)).astype("float32")
y = x.sum(axis=1, keepdims=True)


class Regression(keras.Sequential):
    """A model that has already made a thousand steps elsewhere."""

    @property
    def training_step(self) -> int:
        return 1000 + int(self.optimizer.iterations)


class Recorder(keras.callbacks.Callback):
    """What Keras reports of each batch, by its index."""

    async_safe = True

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_epoch_begin(self, epoch, logs=None):
        self.losses.append({})

    def on_train_batch_end(self, batch, logs=None):
        self.losses[-1][batch] = logs["loss"]


def compiled(cls=Regression, optimizer=None, **options):
    keras.utils.set_random_seed(0)
    model = cls([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer or keras.optimizers.SGD(0.05), loss="mse", **options)
    return model


def fit(model, callbacks, epochs=2, **options):
    return model.fit(x, y, batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks, **options)


def float32(values):
    return [float(np.float32(value)) for value in values]


def test_epoch_logs_go_to_two_runs_under_the_same_tags(tmp_path, read_scalars):
    history = fit(compiled(), [TensorBoard(tmp_path)], epochs=3, validation_data=(x, y)).history
    train, validation = read_scalars(tmp_path / "train"), read_scalars(tmp_path / "validation")
    assert set(train) == {"loss", "learning_rate", "steps_per_second"}
    assert set(validation) == {"loss"}
    steps = [1000 + epoch * NUM_STEPS for epoch in (1, 2, 3)]
    assert train["loss"] == dict(zip(steps, float32(history["loss"]), strict=True))
    assert validation["loss"] == dict(zip(steps, float32(history["val_loss"]), strict=True))
    assert list(train["learning_rate"].values()) == float32([0.05] * 3)


def test_validation_of_every_second_epoch(tmp_path, read_scalars):
    fit(compiled(), [TensorBoard(tmp_path)], epochs=3, validation_data=(x, y), validation_freq=2)
    assert list(read_scalars(tmp_path / "train")["loss"]) == [1007, 1014, 1021]
    assert list(read_scalars(tmp_path / "validation")["loss"]) == [1014]


def test_without_validation_there_is_no_such_run(tmp_path):
    fit(compiled(), [TensorBoard(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["train"]


@pytest.mark.parametrize("same_callback", [True, False])
def test_the_step_continues_over_fits(tmp_path, read_scalars, same_callback):
    model, callback = compiled(), TensorBoard(tmp_path)
    fit(model, [callback], validation_data=(x, y))
    fit(model, [callback if same_callback else TensorBoard(tmp_path)], validation_data=(x, y))
    for run in ("train", "validation"):
        assert list(read_scalars(tmp_path / run)["loss"]) == [1007, 1014, 1021, 1028]


def test_the_step_continues_over_save_and_load(tmp_path, read_scalars):
    model = compiled()
    fit(model, [TensorBoard(tmp_path / "logs")])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", {"Regression": Regression})
    fit(loaded, [TensorBoard(tmp_path / "logs")])
    assert list(read_scalars(tmp_path / "logs/train")["loss"]) == [1007, 1014, 1021, 1028]


def test_a_plain_keras_model_counts_its_optimizer_steps(tmp_path, read_scalars):
    fit(compiled(keras.Sequential), [TensorBoard(tmp_path)])
    assert list(read_scalars(tmp_path / "train")["loss"]) == [7, 14]


@pytest.mark.parametrize("update_freq", [1, 3, 100])
def test_batch_logs_at_every_nth_step(tmp_path, read_scalars, update_freq):
    recorder = Recorder()
    fit(compiled(), [recorder, TensorBoard(tmp_path, update_freq)], epochs=3)
    expected = {
        1000 + epoch * NUM_STEPS + batch + 1: float(np.float32(loss))
        for epoch, losses in enumerate(recorder.losses)
        for batch, loss in sorted(losses.items())
        if (1000 + epoch * NUM_STEPS + batch + 1) % update_freq == 0
    }
    train = read_scalars(tmp_path / "train")
    assert train.get("batch/loss", {}) == expected
    assert list(train.get("batch/loss", {})) == sorted(expected)
    assert list(train["loss"]) == [1007, 1014, 1021]


def test_batch_logs_with_steps_per_execution(tmp_path, read_scalars):
    if keras.backend.backend() == "torch":
        pytest.skip("Keras has no steps_per_execution on PyTorch")
    recorder = Recorder()
    callback = TensorBoard(tmp_path, update_freq=5)
    fit(compiled(steps_per_execution=3), [recorder, callback])
    # Executions end at 1003, 1006, 1007 and 1010, 1013, 1014, though Keras reports the last one of
    # an epoch as if it were as long as the others. The first at or after 1005 and 1010 are written.
    assert read_scalars(tmp_path / "train")["batch/loss"] == {
        1006: float(np.float32(recorder.losses[0][5])),
        1010: float(np.float32(recorder.losses[1][2])),
    }


def test_batches_are_written_in_order_when_they_end_out_of_order(tmp_path, read_scalars):
    callback = TensorBoard(tmp_path, update_freq=2, write_steps_per_second=False)
    callback.set_model(compiled())
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    for batch in range(4):
        callback.on_train_batch_begin(batch)
    for batch in (3, 1, 0, 2):
        callback.on_train_batch_end(batch, {"loss": float(batch)})
    callback.on_train_end()
    series = read_scalars(tmp_path / "train")["batch/loss"]
    assert list(series.items()) == [(1002, 1.0), (1004, 3.0)]


def test_batch_hooks_never_touch_the_model(tmp_path):
    in_batch, threads = threading.local(), set()

    class Watched(TensorBoard):
        @property
        def model(self):
            if getattr(in_batch, "now", False):
                raise RuntimeError("the model was read within a batch")
            return super().model

        def on_train_batch_end(self, batch, logs=None):
            threads.add(threading.current_thread())
            in_batch.now = True
            super().on_train_batch_end(batch, logs)
            in_batch.now = False

    fit(compiled(), [Watched(tmp_path, update_freq=2)])
    if keras.backend.backend() != "tensorflow":  # Keras' TensorFlow backend is not thread-safe.
        # Only so does the training loop not wait for the numbers of each batch.
        assert threading.main_thread() not in threads


def test_steps_per_second_leaves_validation_out(tmp_path, read_scalars, monkeypatch):
    now = 0.0

    class Clock(keras.callbacks.Callback):
        """Half a second for each batch of training, a hundred for each of validation."""

        def on_train_batch_end(self, batch, logs=None):
            nonlocal now
            now += 0.5

        def on_test_batch_end(self, batch, logs=None):
            nonlocal now
            now += 100.0

    clock = SimpleNamespace(perf_counter=lambda: now)
    monkeypatch.setattr("hiervae.callbacks.tensorboard.time", clock)
    fit(compiled(), [Clock(), TensorBoard(tmp_path, update_freq=2)], validation_data=(x, y))
    train = read_scalars(tmp_path / "train")
    assert train["steps_per_second"] == {1007: 2.0, 1014: 2.0}
    assert set(train["batch/steps_per_second"].values()) == {2.0}


def test_steps_per_second_can_be_left_out(tmp_path, read_scalars):
    fit(compiled(), [TensorBoard(tmp_path, update_freq=2, write_steps_per_second=False)])
    assert set(read_scalars(tmp_path / "train")) == {"loss", "learning_rate", "batch/loss"}


def test_learning_rate_of_a_schedule(tmp_path, read_scalars):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([7], [0.05, 0.01])
    fit(compiled(optimizer=keras.optimizers.SGD(schedule)), [TensorBoard(tmp_path)])
    assert list(read_scalars(tmp_path / "train")["learning_rate"].values()) == float32([0.05, 0.01])


def test_learning_rate_set_by_another_callback_is_the_one_of_the_epoch(tmp_path, read_scalars):
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    fit(compiled(), [scheduler, TensorBoard(tmp_path)])
    assert list(read_scalars(tmp_path / "train")["learning_rate"].values()) == float32([0.1, 0.05])


def test_nan_is_written_as_nan(tmp_path, read_scalars):
    fit(compiled(optimizer=keras.optimizers.SGD(float("nan"))), [TensorBoard(tmp_path)])
    assert all(math.isnan(value) for value in read_scalars(tmp_path / "train")["loss"].values())


def test_an_interrupted_fit_keeps_its_records_and_can_be_repeated(tmp_path, read_scalars):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if self.params["epochs"] == 3 and batch == 4 and self.epoch == 1:
                raise KeyboardInterrupt

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

    model, callback = compiled(), TensorBoard(tmp_path, update_freq=1)
    with pytest.raises(KeyboardInterrupt):
        fit(model, [callback, Interrupt()], epochs=3)
    deadline = time.monotonic() + 10  # Keras' threads may still be at work.
    while len(read_scalars(tmp_path / "train")["batch/loss"]) < 11 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(read_scalars(tmp_path / "train")["batch/loss"]) == list(range(1001, 1012))
    fit(model, [callback, Interrupt()], epochs=1)
    assert list(read_scalars(tmp_path / "train")["batch/loss"]) == list(range(1001, 1019))
    assert len(list((tmp_path / "train").iterdir())) == 2


def test_evaluate_alone_writes_nothing(tmp_path):
    compiled().evaluate(x, y, verbose=0, callbacks=[TensorBoard(tmp_path / "logs")])
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("update_freq", [0, -1, 2.5, True, "batch", None])
def test_bad_update_freq(update_freq):
    with pytest.raises(ValueError, match="Expected 'epoch', or the number of optimiser steps"):
        TensorBoard("runs", update_freq)


def test_unwritable_log_dir_stops_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    model = compiled()
    with pytest.raises(HiervaeError, match="Cannot write TensorBoard events"):
        fit(model, [TensorBoard(tmp_path / "file" / "logs")])
    assert model.training_step == 1000


def test_missing_tensorboard_stops_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    model = compiled()
    with pytest.raises(HiervaeError, match=r'pip install "hiervae\[monitoring\]"'):
        fit(model, [TensorBoard(tmp_path)])
    assert model.training_step == 1000


@pytest.mark.parametrize("update_freq", ["epoch", 1])
def test_a_disk_that_fills_up_warns_once_and_training_goes_on(
    tmp_path, read_scalars, file_size_limit, update_freq
):
    model = compiled()
    callback = TensorBoard(tmp_path, update_freq)
    with file_size_limit(500), pytest.warns(RuntimeWarning, match="File too large") as caught:
        history = fit(model, [callback], epochs=6, validation_data=(x, y))
    assert len([entry for entry in caught if "TensorBoard" in str(entry.message)]) == 1
    assert len(history.epoch) == 6
    written = [step for series in read_scalars(tmp_path / "train").values() for step in series]
    assert 1001 <= min(written) <= max(written) < 1042
