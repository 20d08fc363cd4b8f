"""Lazy examples as a `PyDataset`, through Keras with workers."""

import pickle

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


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"workers": 0}])
def test_options_out_of_range_are_refused(source, options):
    with pytest.raises(DataError, match="at least 1"):
        LazyExamples(source, **options)


def test_a_file_of_another_length_is_refused(tmp_path):
    (tmp_path / "a.u8").write_bytes(b"123")
    with pytest.raises(DamagedFileError, match="has 3 bytes; expected 4"):
        MappedImages(tmp_path / "a.u8", (2, 2), (0, 1))
