import io
import sys

import numpy as np
import pytest

from hiervae.callbacks.image_monitor import ImageMonitor
from hiervae.errors import DataError, HiervaeError

image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")


class Mirror:
    """A stand-in for a model: it reconstructs x as 1 - x and samples constants."""

    training_step = 120

    def __init__(self, event_shape):
        self.event_shape = event_shape
        self.calls = []

    def encode(self, x):
        return [x]

    def decode(self, latents):
        return 1.0 - latents[0]

    def sample_prior(self, num_samples, seed):
        self.calls.append((num_samples, seed))
        return np.full((num_samples, 1), 0.25)

    def generate(self, latent, sample):
        return np.stack([np.full(self.event_shape, value) for (value,) in latent])


def draw(monitor, x, epochs=(0,), model=None):
    """Run the callback as `fit` does."""
    model = model or Mirror(x.shape[1:])
    monitor.set_model(model)
    monitor.on_train_begin()
    for epoch in epochs:
        model.training_step += 10
        monitor.on_epoch_end(epoch)
    monitor.on_train_end()
    return model


def examples(*shape):
    """Constant images, each of another grey from black to white."""
    return np.linspace(0, 1, shape[0]).reshape(-1, *[1] * len(shape[1:])) * np.ones(shape)


def greys(path):
    """Greys of the even areas of a picture, from the left of each row, without the page."""
    pixels = np.asarray(image.open(path).convert("L"))
    found = set()
    for row in range(0, pixels.shape[0] - 20, 7):
        for column in range(0, pixels.shape[1] - 20, 7):
            patch = pixels[row : row + 20, column : column + 20]
            if patch.min() == patch.max():
                found.add(int(patch[0, 0]))
    return found


@pytest.mark.parametrize(
    ("shape", "image_shape"),
    [((16,), None), ((4, 6), None), ((4, 6, 1), None), ((4, 6, 3), None), ((24,), (4, 6))],
)
def test_pictures_show_the_examples_their_reconstructions_and_samples(tmp_path, shape, image_shape):
    x = examples(5, *shape)  # 0, 0.25, 0.5, 0.75, 1
    x[4] = 0.9
    monitor = ImageMonitor(x, tmp_path, every=1, num_images=5, image_shape=image_shape, seed=3)
    model = draw(monitor, x)
    assert model.calls == [(5, 3)]
    assert {path.name for path in tmp_path.iterdir()} == {
        "reconstructions_0000130.png",
        "samples_0000130.png",
    }
    shown = greys(tmp_path / "reconstructions_0000130.png")
    for value in [0, 0.25, 0.5, 0.75, 0.9, 1, 0.1]:  # 1 and 0.1 are the mirrors of 0 and 0.9
        assert min(abs(255 * value - grey) for grey in shown) < 1.1
    assert min(abs(255 * 0.25 - grey) for grey in greys(tmp_path / "samples_0000130.png")) < 1.1


def test_the_examples_set_the_scale_of_the_samples(tmp_path):
    x = 100.0 * examples(5, 4, 4)
    model = Mirror((4, 4))
    model.generate = lambda latent, sample: np.full((len(latent), 4, 4), 25.0)
    draw(ImageMonitor(x, tmp_path, every=1), x, model=model)
    assert min(abs(63.75 - grey) for grey in greys(tmp_path / "samples_0000130.png")) < 1.1


def test_only_the_first_examples_are_used(tmp_path):
    assert len(ImageMonitor(examples(50, 16), tmp_path, num_images=6).x) == 6


def test_examples_that_are_no_images_are_drawn_as_lines(tmp_path):
    x = examples(3, 15)
    draw(ImageMonitor(x, tmp_path, every=1), x)
    assert len(list(tmp_path.iterdir())) == 2


def test_pictures_go_to_tensorboard(tmp_path, read_events):
    x = examples(3, 16)
    draw(ImageMonitor(x, tmp_path / "figures", tmp_path / "logs", every=1), x, epochs=(0, 1))
    events = read_events(tmp_path / "logs/images")
    for name in ("reconstructions", "samples"):
        steps = [event.step for event in events.Images(name)]
        assert steps == [130, 140]
        for step, event in zip(steps, events.Images(name), strict=True):
            written = np.asarray(image.open(tmp_path / f"figures/{name}_{step:07d}.png"))
            shown = np.asarray(image.open(io.BytesIO(event.encoded_image_string)))
            np.testing.assert_array_equal(shown, written)
            assert (event.height, event.width) == shown.shape[:2]


def test_tensorboard_alone(tmp_path, read_events):
    x = examples(3, 16)
    draw(ImageMonitor(x, log_dir=tmp_path, every=1), x)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
    assert len(read_events(tmp_path / "images").Images("samples")) == 1


def test_every_third_epoch(tmp_path):
    x = examples(3, 16)
    draw(ImageMonitor(x, tmp_path, every=3), x, epochs=range(7))
    assert sorted(path.name for path in tmp_path.glob("samples*")) == [
        "samples_0000150.png",
        "samples_0000180.png",
    ]


def test_a_model_gone_bad_does_not_end_training(tmp_path):
    x, model = examples(2, 16), Mirror((16,))
    model.decode = lambda latents: np.full((2, 16), np.nan)
    with pytest.warns(RuntimeWarning, match="draws no more figures, .* holds NaN") as caught:
        draw(ImageMonitor(x, tmp_path, every=1), x, epochs=(0, 1), model=model)
    assert len(caught) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("shape", "image_shape"), [((16,), (4, 5)), ((4, 4, 2), None), ((2, 2, 2, 2), None)]
)
def test_examples_that_cannot_be_drawn(tmp_path, shape, image_shape):
    x = examples(3, *shape)
    with pytest.raises(DataError, match="image_shape"):
        draw(ImageMonitor(x, tmp_path, image_shape=image_shape), x, epochs=())


def test_examples_of_another_shape_than_the_model(tmp_path):
    with pytest.raises(DataError, match="the model was built for"):
        draw(ImageMonitor(examples(3, 25), tmp_path), None, model=Mirror((16,)))


def test_bad_options(tmp_path):
    x = examples(3, 16)
    with pytest.raises(ValueError, match="expected `directory`"):
        ImageMonitor(x)
    with pytest.raises(ValueError, match="every"):
        ImageMonitor(x, tmp_path, every=0)
    with pytest.raises(ValueError, match="num_images"):
        ImageMonitor(x, tmp_path, num_images=0)
    with pytest.raises(DataError, match="x of ImageMonitor is a .*; expected one array"):
        ImageMonitor(iter(x), tmp_path)


def test_unwritable_directory_stops_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    x = examples(3, 16)
    with pytest.raises(HiervaeError, match="Cannot write figures to") as caught:
        draw(ImageMonitor(x, tmp_path / "file" / "figures"), x, epochs=())
    assert "\n" not in str(caught.value)


def test_missing_matplotlib_stops_before_training(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    x = examples(3, 16)
    with pytest.raises(HiervaeError, match=r'pip install "hiervae\[monitoring\]"'):
        draw(ImageMonitor(x, tmp_path), x, epochs=())


def test_a_disk_that_fills_up_warns_once_and_leaves_no_half_picture(tmp_path, file_size_limit):
    x = examples(3, 16)
    monitor = ImageMonitor(x, tmp_path, every=1)
    with file_size_limit(100), pytest.warns(RuntimeWarning, match="draws no more") as caught:
        draw(monitor, x, epochs=range(3))
    assert len(caught) == 1
    assert list(tmp_path.iterdir()) == []
