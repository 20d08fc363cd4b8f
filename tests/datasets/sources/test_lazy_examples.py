"""Lazy examples as a `PyDataset`, through Keras with workers."""

import pickle
from pathlib import Path

import keras
import numpy as np
import pytest

from hiervae.datasets.readers.pictures import PictureFormat
from hiervae.datasets.sources import EncodedPictures, JoinedImages, MappedImages
from hiervae.datasets.sources.lazy_examples import LazyExamples
from hiervae.errors import DamagedFileError, DataError


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (11, 3, 2)).astype(np.uint8)


@pytest.fixture
def source(tmp_path, images):
    path = tmp_path / "images.u8"
    path.write_bytes(images.tobytes())
    return MappedImages(path, images.shape, (0, 1, 2))


def test_batches_cover_everything_once(source, images):
    lazy = LazyExamples(source, batch_size=4)
    assert len(lazy) == lazy.num_batches == 3
    assert lazy.shape == (11, 3, 2)
    batches = [lazy[number][0] for number in range(3)]
    assert [len(batch) for batch in batches] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate(batches), images.astype(np.float32) / 255)
    assert batches[0].dtype == np.float32


def test_a_part_keeps_its_own_numbers(source, images):
    lazy = LazyExamples(source, [7, 2, 9], batch_size=2, shuffle=True)
    expected = images[[7, 2, 9]].astype(np.float32) / 255
    np.testing.assert_array_equal(lazy.read([2, 0]), expected[[2, 0]])
    np.testing.assert_array_equal(np.asarray(lazy), expected)
    np.testing.assert_array_equal(np.asarray(lazy, dtype=np.float64), expected)


def test_each_epoch_has_its_order(source):
    def epochs(seed):
        lazy = LazyExamples(source, batch_size=11, shuffle=True, seed=seed)
        for _ in range(3):
            yield lazy[0][0].tobytes()
            lazy.on_epoch_end()

    first, again, other = list(epochs(1)), list(epochs(1)), list(epochs(2))
    assert first == again != other
    assert len(set(first)) == 3


def test_keras_reads_with_workers(source, images):
    lazy = LazyExamples(source, batch_size=4, workers=3)
    model = keras.Sequential([keras.layers.Flatten()])
    predicted = model.predict(lazy, verbose=0)
    np.testing.assert_allclose(predicted, images.reshape(11, -1) / 255.0, atol=1e-6)


def test_sources_survive_a_trip_to_another_process(source, published, images):
    content = published.zip(
        {f"{n}.png": published.picture(image) for n, image in enumerate(images)}
    )
    pictures = EncodedPictures(
        published.write("", "a.zip", content), PictureFormat(3, 2, colour=False)
    )
    for original in (source, pictures, JoinedImages([source, pictures])):
        copy = pickle.loads(pickle.dumps(original))
        np.testing.assert_array_equal(
            copy.read([3, 1]), images[[3, 1]] if original is source else original.read([3, 1])
        )


def test_joined_sources_are_numbered_on(source, images):
    joined = JoinedImages([source, source])
    assert joined.shape == (22, 3, 2)
    np.testing.assert_array_equal(joined.read([21, 0, 11]), images[[10, 0, 0]])


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"workers": 0}, {"batch_size": 2.5}])
def test_options_out_of_range_are_refused(source, options):
    with pytest.raises(DataError, match="expected a positive integer"):
        LazyExamples(source, **options)


def test_sources_are_read_from_another_working_folder(
    source, images, published, tmp_path, monkeypatch
):
    members = {"a.png": published.picture(images[0]), "b.png": published.picture(images[1])}
    for name, content in (("a.zip", published.zip(members)), ("a.tar", published.tar(members))):
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    form = PictureFormat(3, 2, colour=False)
    sources = [
        MappedImages(Path("images.u8"), images.shape, (0, 1, 2)),
        EncodedPictures(Path("a.zip"), form),
        EncodedPictures(Path("a.tar"), form),
    ]
    monkeypatch.chdir("/")
    for each in sources:
        np.testing.assert_array_equal(each.read([1, 0]), images[[1, 0]])


def test_a_checksum_of_contents_is_the_same_in_a_folder_and_in_archives(published, images):
    members = {f"in/{n}.png": published.picture(image) for n, image in enumerate(images)}
    for name, content in members.items():
        published.write("folder", name, content)
    paths = [
        published.root / "folder",
        published.write("", "a.zip", published.zip(members)),
        published.write("", "a.tar", published.tar(members)),
    ]
    form = PictureFormat(3, 2)
    assert len({EncodedPictures(path, form).content_checksum() for path in paths}) == 1


def test_a_file_of_another_length_is_refused(tmp_path):
    (tmp_path / "a.u8").write_bytes(b"123")
    with pytest.raises(DamagedFileError, match="has 3 bytes; expected 4"):
        MappedImages(tmp_path / "a.u8", (2, 2), (0, 1))


def _both_ways(source, images):
    """Examples of a part, and the array that they are."""
    return LazyExamples(source, [7, 2, 9, 4], batch_size=3), images[[7, 2, 9, 4]] / np.float32(255)


@pytest.mark.parametrize(
    "indices",
    [
        np.array([True, False, False, True]),
        [False, True, True, True],
        np.zeros(4, bool),
        [],
        [-1, 0, -4],
        np.array([3, 1], np.uint8),
        slice(None, None, -1),
        slice(1, 99),
    ],
)
def test_rows_are_chosen_as_numpy_does(source, images, indices):
    lazy, array = _both_ways(source, images)
    np.testing.assert_array_equal(lazy.read(indices), array[indices])


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([0.9], "values of the type float64; expected row numbers"),
        ([1.0, 2.0], "float64"),
        (["1"], "expected row numbers"),
        ([None], "type object"),
        ([[0, 1], [2]], "expected row numbers"),
        (3, r"shape \(\); .* give \[3\]"),
        ([[0, 1]], r"shape \(1, 2\)"),
        (np.ones(5, bool), "a mask of 5 booleans; expected one for each of the 4 rows"),
        (slice("a", None), "expected integers in it"),
        (slice(0, 4, 0), "a step but 0"),
    ],
)
def test_what_chooses_no_rows_is_refused(source, images, indices, message):
    lazy, _ = _both_ways(source, images)
    with pytest.raises(DataError, match=message):
        lazy.read(indices)


@pytest.mark.parametrize("indices", [[4], [-5], [0, 99], np.array([2**64 - 1], np.uint64)])
def test_rows_out_of_range_are_refused(source, images, indices):
    lazy, _ = _both_ways(source, images)
    with pytest.raises(IndexError, match="expected numbers from -4 to 3, for there are 4 rows"):
        lazy.read(indices)


def test_batches_are_counted_as_in_a_list(source, images):
    lazy, array = _both_ways(source, images)
    np.testing.assert_array_equal(lazy[-1][0], array[3:])
    np.testing.assert_array_equal(lazy[np.int64(-2)][0], array[:3])
    np.testing.assert_array_equal(np.concatenate([batch for (batch,) in lazy]), array)
    for index in (2, 99, -3):
        with pytest.raises(IndexError, match=f"no batch {index}; there are 2"):
            lazy[index]
    for index in (0.5, "0", slice(2)):
        with pytest.raises(DataError, match="expected the number of one"):
            lazy[index]
    with pytest.raises(IndexError, match="no batch 0"):
        LazyExamples(source, [])[0]


def test_a_part_is_chosen_as_rows_are(source, images):
    mask = images[:, 0, 0] > 100
    expected = images[mask] / np.float32(255)
    np.testing.assert_array_equal(np.asarray(LazyExamples(source, mask)), expected)
    with pytest.raises(DataError, match="float64"):
        LazyExamples(source, [0.5])
    with pytest.raises(IndexError, match="holds 11; expected numbers from -11 to 10"):
        LazyExamples(source, [11])


def test_each_source_reads_the_same_rows(source, published, images):
    members = {f"{n:02}.png": published.picture(image) for n, image in enumerate(images)}
    archive = published.write("", "a.zip", published.zip(members))
    pictures = EncodedPictures(archive, PictureFormat(3, 2, colour=False))
    halves = JoinedImages([source, source])
    for each, array in ((source, images), (pictures, images), (halves, np.tile(images, (2, 1, 1)))):
        np.testing.assert_array_equal(each.read([-1, 3]), array[[-1, 3]])
        np.testing.assert_array_equal(each.read(array[:, 0, 0] > 100), array[array[:, 0, 0] > 100])
        with pytest.raises(IndexError, match=f"for there are {len(array)} rows"):
            each.read([len(array)])
        with pytest.raises(DataError, match="float64"):
            each.read([0.9])
