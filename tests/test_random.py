"""The package's own random numbers against published ones, and their distribution."""

import keras
import numpy as np
import pytest
from scipy import stats

from hiervae.random import SampleKeys, normal, normal_of_words, threefry, uniform

KEY = np.array([7, -3], dtype="int32")


def words(values):
    return keras.ops.convert_to_tensor(np.array(values, dtype="uint32").view("int32"))


def keys(examples, first=0, num_samples=1):
    tensors = (
        keras.ops.convert_to_tensor(value, dtype="int32") for value in (KEY, examples, first)
    )
    return SampleKeys(*tensors, num_samples)


def drawn(function, shape, seed):
    return keras.ops.convert_to_numpy(function(shape, seed))


@pytest.mark.parametrize(
    ("rounds", "key", "counter", "expected"),
    [
        (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
        (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        (20, (0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        (20, (0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_gives_the_known_answers(rounds, key, counter, expected):
    """Those that come with the Random123 library of Salmon et al. (2011)."""
    found = threefry(words(key), *words(counter), rounds)
    found = [int(keras.ops.convert_to_numpy(word)) & 0xFFFFFFFF for word in found]
    assert tuple(found) == expected


def test_distributions():
    seed = keys(np.arange(50), num_samples=40)
    noise = drawn(normal, (2000, 15), seed).astype("float64")
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert stats.kstest(drawn(uniform, (2000, 15), seed).ravel(), "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(noise.T) - np.eye(15)).max() < 0.12
    again = drawn(normal, (2000, 15), seed)
    assert np.abs(np.corrcoef(again.ravel(), noise.ravel())[0, 1]) < 0.03


def test_normal_numbers_are_quantiles_to_the_last_interval():
    numbers = np.array([0, 1, 2, 1000, 2**22, 2**23 - 1, 2**23, 2**24 - 1000, 2**24 - 2, 2**24 - 1])
    found = normal_of_words(words((numbers - 2**23) << 8))
    expected = stats.norm.ppf((numbers + 0.5) / 2**24)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=1e-5, atol=1e-7)


def test_a_row_follows_from_its_example_and_sample():
    many, one = keys(np.arange(6), first=3, num_samples=4), keys([5], first=5)
    for function, width in ((normal, 5), (uniform, 4)):
        rows = drawn(function, (24, width), many)
        np.testing.assert_array_equal(drawn(function, (1, width), one), rows[2 * 6 + 5 :][:1])
    inner = drawn(normal, (3 * 24, 2), many).reshape(3, 24, 2)
    np.testing.assert_array_equal(drawn(normal, (3, 2), one), inner[:, 2 * 6 + 5])


def test_other_numbers_of_rows_are_drawn_too():
    noise = drawn(normal, (25, 3), keys(np.arange(6), num_samples=4))
    assert noise.shape == (25, 3)
    assert len(np.unique(noise)) == 75
