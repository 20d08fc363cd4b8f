import numpy as np
import pytest

from hiervae.likelihoods.heads import OutputHead
from tests.support.models import numpy_of, tensor

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("event_shape", [(4, 3), (4, 3, 2)])
def test_features_of_the_images_size_are_mapped_pixel_by_pixel(event_shape):
    features = RNG.normal(size=(5, 4, 3, 6)).astype("float32")
    head = OutputHead(event_shape, num=2)
    head.build((None, *features.shape[1:]))
    channels = event_shape[2] if len(event_shape) == 3 else 1
    assert head.kernel.shape == (6, 2 * channels)
    head.bias.assign(RNG.normal(size=head.bias.shape))
    kernel, bias = numpy_of(head.kernel), numpy_of(head.bias)
    expected = (features @ kernel + bias).reshape(5, *event_shape, 2)
    found = head(tensor(features))
    assert len(found) == 2
    for index, each in enumerate(found):
        np.testing.assert_allclose(numpy_of(each), expected[..., index], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("features_shape", "event_shape"),
    [
        ((7,), (4, 3)),
        ((4, 3, 6), (12,)),
        ((2, 3, 6), (4, 3)),
        ((4, 2, 6), (4, 3)),
        ((4, 3), (4, 3)),
    ],
)
def test_other_features_are_mapped_as_a_whole(features_shape, event_shape):
    features = RNG.normal(size=(5, *features_shape)).astype("float32")
    head = OutputHead(event_shape)
    head.build((None, *features_shape))
    kernel = numpy_of(head.kernel)
    assert kernel.shape == (np.prod(features_shape), np.prod(event_shape))
    (found,) = head(tensor(features))
    expected = (features.reshape(5, -1) @ kernel).reshape(5, *event_shape)
    np.testing.assert_allclose(numpy_of(found), expected, rtol=1e-4, atol=1e-5)
