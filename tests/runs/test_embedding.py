import io

import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from hiervae.runs.embedding import as_thumbnails, write_embedding

LATENTS = np.array([[0.0, 1.5], [2.0, -3.25], [4.0, 5.0]])
IMAGES = np.stack([np.full((2, 3), level) for level in (0.0, 0.5, 1.0)])


def config_of(folder):
    return text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())


def test_files_are_those_that_the_projector_reads(tmp_path):
    write_embedding(tmp_path / "board", LATENTS, ["a\tb", "c", "d"], IMAGES, (0.0, 1.0))
    (embedding,) = config_of(tmp_path / "board").embeddings
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "board" / embedding.tensor_path), LATENTS)
    labels = (tmp_path / "board" / embedding.metadata_path).read_text()
    assert labels == "a b\nc\nd\n"
    assert list(embedding.sprite.single_image_dim) == [3, 2]  # width, height
    sprite = np.asarray(Image.open(tmp_path / "board" / embedding.sprite.image_path))
    np.testing.assert_array_equal(sprite[::2, ::3], [[0, 128], [255, 0]])
    assert sprite.shape == (4, 6)


def test_labels_and_images_may_be_missing(tmp_path):
    write_embedding(tmp_path, LATENTS, None, None, (0.0, 1.0))
    (embedding,) = config_of(tmp_path).embeddings
    assert not embedding.metadata_path
    assert not embedding.HasField("sprite")


def test_numbers_are_short_labels(tmp_path):
    write_embedding(tmp_path, LATENTS[:1], np.array([1.23456789]), None, (0.0, 1.0))
    assert (tmp_path / "labels.tsv").read_text() == "1.235\n"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 784), (5, 28, 28)),
        ((5, 50), None),
        ((5, 16, 12), (5, 16, 12)),
        ((5, 64, 64), (5, 22, 22)),
        ((5, 8, 8, 3), (5, 8, 8)),
        ((5, 2, 2, 2, 2), None),
    ],
)
def test_examples_that_are_images_have_thumbnails(shape, expected):
    thumbnails = as_thumbnails(np.zeros(shape))
    assert (None if thumbnails is None else thumbnails.shape) == expected


def test_thumbnails_are_scaled_to_the_range_of_the_data(tmp_path):
    write_embedding(tmp_path, LATENTS[:1], None, np.full((1, 4, 4), -1.0), (-3.0, 1.0))
    sprite = Image.open(io.BytesIO((tmp_path / "thumbnails.png").read_bytes()))
    assert np.unique(np.asarray(sprite)).tolist() == [128]
