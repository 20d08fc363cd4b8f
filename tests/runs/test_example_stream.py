import keras
import numpy as np

from hiervae.runs.example_stream import EpochCounter, ExampleStream

EXAMPLES = np.arange(23, dtype="float32")[:, None]


def epoch_of(stream, epoch):
    stream.epoch = epoch
    return [stream[index][0] for index in range(len(stream))]


def test_an_epoch_holds_each_example_once():
    batches = epoch_of(ExampleStream(EXAMPLES, 5, seed=0), 0)
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
    assert sorted(np.concatenate(batches)[:, 0]) == list(range(23))


def test_an_order_depends_on_seed_and_epoch_alone():
    stream = ExampleStream(EXAMPLES, 23, seed=0)
    first, second = epoch_of(stream, 0)[0], epoch_of(stream, 1)[0]
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(epoch_of(ExampleStream(EXAMPLES, 23, seed=0), 1)[0], second)
    np.testing.assert_array_equal(epoch_of(stream, 0)[0], first)
    assert not np.array_equal(epoch_of(ExampleStream(EXAMPLES, 23, seed=1), 0)[0], first)


def test_fit_sees_the_epochs_it_should():
    """Keras makes iterators ahead of time; none may give the batches of another epoch."""

    class Recorder(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1, kernel_initializer="ones")

        def call(self, inputs):
            return self.dense(inputs)

    class Records(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.losses = []

        def on_epoch_end(self, epoch, logs=None):
            self.losses.append(logs["loss"])

    class Weighted(ExampleStream):
        """Targets that tell batches apart, so that the loss tells their order."""

        def __getitem__(self, index):
            (batch,) = super().__getitem__(index)
            return batch, batch * (1.0 - 1.0 / (index + 1))

    def losses(initial_epoch):
        model = Recorder()
        model.compile(keras.optimizers.SGD(0.0), loss="mse")
        stream, records = Weighted(EXAMPLES, 5, seed=0), Records()
        model.fit(
            stream,
            initial_epoch=initial_epoch,
            epochs=4,
            shuffle=False,
            verbose=0,
            callbacks=[EpochCounter(stream), records],
        )
        return records.losses

    whole = losses(0)
    expected = []
    for epoch in range(4):
        batches = epoch_of(ExampleStream(EXAMPLES, 5, seed=0), epoch)
        terms = [np.square(batch / (index + 1)) for index, batch in enumerate(batches)]
        expected.append(np.concatenate(terms).mean())
    np.testing.assert_allclose(whole, expected, rtol=1e-5)
    np.testing.assert_allclose(losses(2), expected[2:], rtol=1e-5)
