import pytest

from hiervae.networks.conv_options import sizes_between, strides_towards

TWICE = ((64, 4, 2), (128, 4, 2))


@pytest.mark.parametrize(
    ("size", "target", "strides", "reached"),
    [
        ((28, 28), (7, 7), [(2, 2), (2, 2)], (7, 7)),
        ((28, 28), (14, 14), [(2, 2), (1, 1)], (14, 14)),
        ((28, 28), (8, 8), [(2, 2), (1, 1)], (14, 14)),
        ((32, 32), (4, 4), [(2, 2), (4, 4)], (4, 4)),
        ((8, 6), (8, 3), [(1, 2), (1, 1)], (8, 3)),
        ((4, 4), (8, 8), [(1, 1), (1, 1)], (4, 4)),
    ],
)
def test_strides_towards_the_size_of_a_level(size, target, strides, reached):
    assert strides_towards(size, target, TWICE) == (strides, reached)


@pytest.mark.parametrize(
    ("start", "target", "sizes"),
    [
        ((7, 7), (28, 28), [(14, 14), (28, 28)]),
        ((8, 8), (28, 28), [(14, 14), (28, 28)]),
        ((4, 4), (8, 8), [(4, 4), (8, 8)]),
        ((8, 8), (8, 8), [(8, 8), (8, 8)]),
        ((8, 8), (4, 4), [(4, 4), (4, 4)]),
        ((4, 8), (8, 8), [(4, 8), (8, 8)]),
    ],
)
def test_sizes_between_two_levels(start, target, sizes):
    assert sizes_between(start, target, TWICE) == sizes
