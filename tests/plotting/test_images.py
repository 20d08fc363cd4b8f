import itertools
import sys

import numpy as np
import pytest

from hiervae.errors import DataError, HiervaeError
from hiervae.manifold import Path
from hiervae.plotting import image_grid, interpolation_strip, reconstructions


def tiles(figure):
    """Images in reading order, and the columns of each row."""
    drawn = figure.axes[0].images
    places = [(image.get_extent()[3], image.get_extent()[0]) for image in drawn]
    order = sorted(range(len(drawn)), key=lambda index: places[index])
    tops = np.array([places[index][0] for index in order])
    _, counts = np.unique(tops.round(6), return_counts=True)
    return [np.asarray(drawn[index].get_array()) for index in order], counts.tolist()


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_grid_shows_every_image_in_order_clipped_to_its_range():
    images = np.random.default_rng(0).uniform(-0.2, 1.2, size=(7, 4, 6))
    figure = image_grid(images, value_range=(0.0, 1.0), title="Samples")
    drawn, rows = tiles(figure)
    assert rows == [3, 3, 1]
    assert texts(figure) == ["Samples"]
    for image, expected in zip(drawn, images, strict=True):
        np.testing.assert_allclose(image, np.clip(expected, 0, 1)[:, :, None].repeat(3, axis=2))


@pytest.mark.parametrize("label", ["", "straight line"])
def test_a_long_title_is_not_cut_off(label):
    title = "from 100 to 5000 (index), test examples [100, 5000]"
    figure = interpolation_strip({label: np.zeros((2, 8, 8))}, title=title)
    figure.canvas.draw()
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_frames_keep_their_proportions_and_do_not_overlap():
    figure = image_grid(np.zeros((4, 10, 20)), num_columns=4)
    boxes = [image.get_extent() for image in figure.axes[0].images]
    for left, right, bottom, top in boxes:
        assert (right - left) / (bottom - top) == pytest.approx(2.0)
    assert all(first[1] < second[0] for first, second in itertools.pairwise(boxes))
    assert max(box[1] for box in boxes) < figure.get_size_inches()[0]
    assert max(box[2] for box in boxes) < figure.get_size_inches()[1]


def test_grid_of_colour_images_and_given_range():
    images = np.random.default_rng(0).uniform(0, 255, size=(2, 3, 3, 3))
    drawn, rows = tiles(image_grid(images, num_columns=1, value_range=(0, 255)))
    assert rows == [1, 1]
    np.testing.assert_allclose(drawn[1], images[1] / 255)


def test_vectors_are_lines():
    vectors = np.stack([np.linspace(-2.0, 2.0, 50), np.zeros(50), np.full(50, 2.0)])
    axes = image_grid(vectors, num_columns=3).axes[0]
    assert not axes.images
    rising, flat, high = (line.get_ydata() for line in axes.lines)
    # Page heights are counted downwards from the top.
    assert (np.diff(rising) < 0).all()
    assert np.ptp(flat) == 0
    assert flat[0] == pytest.approx(0.5 * (rising.min() + rising.max()))
    assert high[0] == pytest.approx(rising.min())


def test_reconstructions_stand_below_their_originals():
    originals = np.random.default_rng(0).uniform(size=(5, 9))
    figure = reconstructions(originals, originals / 2, num_columns=3)
    drawn, rows = tiles(figure)
    assert rows == [3, 3, 2, 2]
    expected = [*originals[:3], *originals[:3] / 2, *originals[3:], *originals[3:] / 2]
    for image, values in zip(drawn, expected, strict=True):
        np.testing.assert_allclose(image[:, :, 0].ravel(), values)
    assert texts(figure) == ["original", "reconstruction"] * 2


def test_reconstructions_are_drawn_on_the_scale_of_the_originals():
    originals = np.array([[0.0, 4.0, 8.0, 10.0]])
    drawn, _ = tiles(reconstructions(originals, originals * 2 - 5))
    np.testing.assert_allclose(drawn[1][:, :, 0].ravel(), [0.0, 0.3, 1.0, 1.0])


def test_reconstructed_vectors_share_a_panel():
    originals = np.random.default_rng(0).normal(size=(4, 50))
    figure = reconstructions(originals, originals / 2)
    assert len(figure.axes[0].lines) == 8
    assert "reconstruction (blue)" in texts(figure)[0]
    first, second = (line.get_ydata() for line in figure.axes[0].lines[:2])
    assert np.ptp(second) == pytest.approx(np.ptp(first) / 2)


def test_strip_thins_out_a_long_path_and_keeps_its_ends():
    frames = np.linspace(0, 1, 31)[:, None, None].repeat(2, axis=1).repeat(2, axis=2)
    drawn, rows = tiles(interpolation_strip(frames, max_frames=4))
    assert rows == [4]
    np.testing.assert_allclose([image[0, 0, 0] for image in drawn], [0, 1 / 3, 2 / 3, 1])


def test_strip_rows_carry_their_labels():
    frames = np.random.default_rng(0).uniform(size=(5, 4, 4))
    path = Path(np.zeros((3, 2)), np.arange(3), 1.0, frames[:3])
    figure = interpolation_strip({"graph": path, "straight line": frames})
    drawn, rows = tiles(figure)
    assert rows == [3, 5]
    assert texts(figure) == ["graph", "straight line"]
    np.testing.assert_allclose(drawn[3][:, :, 0], frames[0])
    np.testing.assert_allclose(tiles(interpolation_strip(path))[0][2][:, :, 0], frames[2])
    assert texts(interpolation_strip(path)) == []


def test_strip_of_vectors_is_drawn():
    assert len(interpolation_strip(np.zeros((5, 50))).axes[0].lines) == 5


def test_bad_arguments():
    images = np.zeros((4, 5, 5))
    with pytest.raises(ValueError, match="num_columns"):
        image_grid(images, num_columns=0)
    with pytest.raises(ValueError, match="num_columns"):
        reconstructions(images, images, num_columns=True)
    with pytest.raises(DataError, match="one reconstruction for each"):
        reconstructions(images, images[:3])
    with pytest.raises(ValueError, match="max_frames"):
        interpolation_strip(images, max_frames=1)
    with pytest.raises(DataError, match="empty"):
        interpolation_strip({})
    with pytest.raises(DataError, match="expected one shape"):
        interpolation_strip({"a": images, "b": np.zeros((4, 6, 6))})
    with pytest.raises(ValueError, match="not decoded"):
        interpolation_strip(Path(np.zeros((3, 2)), np.arange(3), 1.0))


@pytest.mark.parametrize(
    ("suffix", "start"),
    [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml"), ("PNG", b"\x89PNG")],
)
def test_figure_is_written_in_the_format_of_its_suffix(tmp_path, suffix, start):
    file = tmp_path / f"grid.{suffix}"
    image_grid(np.zeros((2, 4, 4)), file)
    assert file.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [file]


def test_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    file = tmp_path / "grid.png"
    file.write_bytes(b"before")

    def full_disk(self, path, **options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full_disk)
    with pytest.raises(OSError, match="No space"):
        image_grid(np.zeros((2, 4, 4)), file)
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["grid", "grid.bmp2", "grid."])
def test_unknown_suffix(tmp_path, name):
    with pytest.raises(ValueError, match=r"such as figure\.png"):
        image_grid(np.zeros((2, 4, 4)), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        image_grid(np.zeros((2, 4, 4)), tmp_path / "none" / "grid.png")


def test_missing_matplotlib_names_the_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(HiervaeError, match=r'pip install "hiervae\[monitoring\]"'):
        image_grid(np.zeros((2, 4, 4)))
