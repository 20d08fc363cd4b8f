"""A `fit` that was broken off within an epoch goes on there, bit for bit."""

import shutil
import signal

import keras
import numpy as np
import pytest

import hiervae
from hiervae.callbacks import Resume
from hiervae.callbacks.checkpoint_files import read_checkpoint

X = np.random.default_rng(1).integers(0, 2, (70, 6)).astype("float32")
VALID = np.random.default_rng(2).integers(0, 2, (50, 6)).astype("float32")
BATCHES, EPOCHS = 4, 4
SOME_STEPS = 1 if keras.backend.backend() == "torch" else 2


class Rows(keras.utils.PyDataset):
    """Batches that threads fetch, in an order of the data set's own."""

    def __init__(self):
        super().__init__(workers=2)
        self.order = np.arange(len(X))
        self.generator = np.random.default_rng(4)

    def __len__(self):
        return BATCHES

    def __getitem__(self, index):
        return (X[self.order[20 * index : 20 * index + 20]],)

    def on_epoch_end(self):
        self.order = self.generator.permutation(len(X))


class Break(keras.callbacks.Callback):
    """Breaks a training off after a batch, or within the validation, of its third epoch."""

    def __init__(self, batch=1, error=ConnectionError):
        super().__init__()
        self.batch, self.error = batch, error
        self.heard = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.heard.append((self.epoch, batch))
        if self.epoch == 2 and batch == self.batch:
            self.now()

    def on_test_batch_end(self, batch, logs=None):
        if self.epoch == 2 and self.batch == "validation":
            self.now()

    def now(self):
        if self.error is KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
        else:
            raise self.error


def nothing():
    return X, []


CASES = {
    "arrays": nothing,
    "data set": lambda: (Rows(), []),
    "plateau": lambda: (X, [keras.callbacks.ReduceLROnPlateau("val_loss", patience=1)]),
    "rule": lambda: (X, [hiervae.callbacks.BetaController("rewo", kappa=0.5, resume=False)]),
    "warm-up": lambda: (X, [hiervae.callbacks.BetaController("linear_warmup", epochs=9)]),
}


def train(savers, data, callbacks, steps=1, batch_size=20, **options):
    keras.utils.set_random_seed(0)
    network = {"name": "mlp", "hidden_units": [4]}
    model = hiervae.HierarchicalVAE(latent_dims=2, network=network, seed=0)
    model.compile(keras.optimizers.Adam(2e-3), steps_per_execution=steps)
    model.build((None, 6))
    history = model.fit(
        data,
        batch_size=batch_size if data is X else None,
        epochs=EPOCHS,
        validation_data=(VALID,),
        callbacks=[*savers, *callbacks],
        verbose=0,
        **options,
    )
    return model, history


def assert_same(first, second):
    (model, history), (other, expected) = first, second
    for ours, theirs in zip(
        [*model.variables, *model.optimizer.variables],
        [*other.variables, *other.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (ours, theirs)))
    assert history.history == expected.history


@pytest.fixture(autouse=True)
def interrupts_arrive():
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.compiles(2)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("batch", [1, "validation"])
def test_a_fit_goes_on_within_the_epoch(tmp_path, case, batch):
    data, callbacks = CASES[case]()
    with pytest.raises(KeyboardInterrupt):
        train([Resume(tmp_path)], data, [*callbacks, Break(batch, KeyboardInterrupt)])
    found = read_checkpoint(tmp_path / "latest.keras")
    taken = BATCHES if batch == "validation" else batch + 1
    assert (found.epoch, found.taken, found.num_batches) == (2, taken, BATCHES)
    data, callbacks = CASES[case]()
    heard = Break(None)
    resumed = train([Resume(tmp_path)], data, [*callbacks, heard])
    assert_same(resumed, train([], *CASES[case]()))
    expected = [(epoch, batch) for epoch in (2, 3) for batch in range(BATCHES)]
    assert heard.heard == expected[taken:], "of batches passed over nothing is heard"


@pytest.mark.compiles(1)
@pytest.mark.parametrize("options", [{}, {"shuffle": False}])
def test_several_breaks_and_several_steps_a_call(tmp_path, options):
    for batch in (1, 3):
        with pytest.raises(ConnectionError):
            train([Resume(tmp_path)], X, [Break(batch)], SOME_STEPS, **options)
        assert read_checkpoint(tmp_path / "latest.keras").taken == batch + 1
    resumed = train([Resume(tmp_path)], X, [], SOME_STEPS, **options)
    assert_same(resumed, train([], X, [], SOME_STEPS, **options))


@pytest.mark.compiles(0)
def test_the_first_epoch(tmp_path):
    class First(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        train([Resume(tmp_path)], X, [First()])
    assert read_checkpoint(tmp_path / "latest.keras").epoch == 0
    assert_same(train([Resume(tmp_path)], X, []), train([], X, []))


@pytest.mark.compiles(0)
def test_other_batches_mean_a_whole_epoch(tmp_path):
    with pytest.raises(ConnectionError):
        train([Resume(tmp_path)], X, [Break()])
    with pytest.warns(UserWarning, match="from within an epoch of 4 batches"):
        model, _ = train([Resume(tmp_path)], X, [], batch_size=35)
    assert model.training_step == 2 * BATCHES + 2 * 2


@pytest.mark.compiles(0)
def test_a_generator_means_a_whole_epoch(tmp_path):
    def batches():
        while True:
            yield X[:20]

    options = {"steps_per_epoch": BATCHES, "shuffle": False}
    with (
        pytest.warns(UserWarning, match="goes on from the last whole epoch"),
        pytest.raises(ConnectionError),
    ):
        train([Resume(tmp_path)], batches(), [Break()], **options)
    assert read_checkpoint(tmp_path / "latest.keras").taken == 0
    train([Resume(tmp_path)], batches(), [], **options)


@pytest.mark.compiles(0)
def test_an_epoch_that_went_bad_is_not_kept(tmp_path):
    class Spoil(Break):
        def now(self):
            for weight in self.model.trainable_variables:
                weight.assign(weight * np.nan)

    with pytest.raises(hiervae.errors.NonFiniteLossError):
        train([Resume(tmp_path)], X, [Spoil()])
    found = read_checkpoint(tmp_path / "latest.keras")
    assert (found.epoch, found.taken) == (2, 0)


class Copy(keras.callbacks.Callback):
    """Copies the folder of the checkpoints while an epoch runs, as a kill would leave it."""

    def __init__(self, folder, epoch, batch):
        super().__init__()
        self.folder, self.epoch, self.batch = folder, epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.now, batch) == (self.epoch, self.batch):
            shutil.copytree(self.folder, self.folder.with_name("copy"))


@pytest.mark.compiles(1)
@pytest.mark.parametrize("case", CASES)
def test_checkpoints_after_so_many_steps(tmp_path, case):
    folder, copy = tmp_path / "whole", tmp_path / "copy"
    data, callbacks = CASES[case]()
    whole = train([Resume(folder, every_steps=3)], data, [*callbacks, Copy(folder, 2, 3)])
    found = read_checkpoint(copy / "latest.keras")
    assert (found.epoch, found.taken, found.num_batches) == (2, 3, BATCHES)
    data, callbacks = CASES[case]()
    heard = Break(None)
    resumed = train([Resume(copy)], data, [*callbacks, heard])
    assert_same(resumed, whole)
    assert heard.heard[0] == (2, 3)
    assert_same(whole, train([], *CASES[case]()))


@pytest.mark.compiles(0)
def test_the_checkpoint_before_one_within_an_epoch_is_kept(tmp_path):
    folder, copy = tmp_path / "whole", tmp_path / "copy"
    train([Resume(folder, every_steps=2)], X, [Copy(folder, 2, 3)])
    assert read_checkpoint(copy / "latest.keras").taken == 2
    (copy / "latest.keras").write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="is set aside"):
        resumed = train([Resume(copy)], X, [])
    assert_same(resumed, train([], X, []))


def test_steps_between_checkpoints_are_a_positive_number():
    with pytest.raises(ValueError, match="every_steps=0"):
        Resume("folder", every_steps=0)
