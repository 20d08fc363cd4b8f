import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import disentanglement

RANDOM = np.random.default_rng(0)
FACTORS = RANDOM.integers(0, 4, (20_000, 2))
NOISE = RANDOM.normal(size=(20_000, 2))


def test_a_copy_of_the_factors_is_perfect():
    found = disentanglement(FACTORS[:, ::-1].astype(float), FACTORS)
    assert found.mig == pytest.approx(1.0, abs=0.005)
    assert found.disentanglement == pytest.approx(1.0, abs=0.01)
    assert found.completeness == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(found.entropies, np.log(4), atol=1e-3)
    np.testing.assert_allclose(found.information, [[0, np.log(4)], [np.log(4), 0]], atol=0.005)


def test_information_is_that_of_a_noisy_channel():
    # A unit that repeats a binary factor with probability 0.9: I = log 2 - H(0.1).
    factor = RANDOM.integers(0, 2, 200_000)
    unit = np.where(RANDOM.random(200_000) < 0.9, factor, 1 - factor)
    found = disentanglement(unit[:, None].astype(float), factor)
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert found.information[0, 0] == pytest.approx(np.log(2) - entropy, abs=0.003)
    assert found.gaps[0] == pytest.approx(1 - entropy / np.log(2), abs=0.005)


def test_information_of_correlated_normals_in_bins_approaches_theirs():
    first, second = RANDOM.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 100_000).T
    found = disentanglement(first[:, None], second, num_bins=60)
    assert found.information[0, 0] == pytest.approx(-0.5 * np.log(1 - 0.64), abs=0.03)


def test_two_units_that_say_the_same_leave_no_gap():
    found = disentanglement(np.stack([FACTORS[:, 0]] * 2, axis=1).astype(float), FACTORS[:, 0])
    assert found.mig == pytest.approx(0.0, abs=1e-9)
    assert found.completeness == pytest.approx(0.0, abs=1e-9)
    assert found.disentanglement == 1.0  # each unit tells of the one factor


def test_a_unit_that_mixes_two_factors_is_not_disentangled():
    mixed = (4 * FACTORS[:, 0] + FACTORS[:, 1])[:, None].astype(float)
    found = disentanglement(mixed, FACTORS)
    assert found.disentanglement == pytest.approx(0.0, abs=0.01)
    assert found.modularity == pytest.approx([0.0], abs=0.01)
    # Each factor is told by one unit alone, all the same.
    assert found.completeness == 1.0


def test_noise_tells_nothing():
    found = disentanglement(NOISE, FACTORS)
    assert found.mig < 0.005
    assert found.information.max() < 0.005


@pytest.mark.parametrize("common", [0, 31], ids=["smallest", "largest"])
def test_a_value_that_most_examples_have_is_no_constant(common):
    rare = RANDOM.permutation(2000)[:60]
    factor = np.full(2000, float(common))
    factor[rare] = np.arange(60) % 30 + 0.5
    unit = np.where(factor == common, 0.0, 1.0) + 0.01 * RANDOM.random(2000)
    found = disentanglement(unit[:, None], factor)
    share = 60 / 2000
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert found.entropies == pytest.approx([entropy])


@pytest.mark.parametrize("dtype", [str, object])
def test_classes_may_be_text(dtype):
    names = np.array(["seven", "one", "three", "four"], dtype=dtype)[FACTORS]
    found = disentanglement(FACTORS.astype(float), names)
    assert found.mig == pytest.approx(1.0, abs=0.005)
    np.testing.assert_allclose(found.entropies, np.log(4), atol=1e-3)


def test_text_and_numbers_may_be_mixed_by_column():
    names = np.array(["seven", "one", "three", "four"], dtype=object)[FACTORS[:, 0]]
    mixed = np.stack([names, FACTORS[:, 1].astype(object)], axis=1)
    found = disentanglement(FACTORS.astype(float), mixed)
    expected = disentanglement(FACTORS.astype(float), FACTORS)
    np.testing.assert_allclose(found.information, expected.information)


def test_many_classes_of_text_are_not_joined():
    """Letters in order would be cut into bins of neighbours, as numbers are."""
    codes = RANDOM.integers(0, 26, 20_000)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))[codes]
    assert disentanglement(NOISE, letters).entropies == pytest.approx([np.log(26)], abs=2e-3)


@pytest.mark.parametrize("num_bins", [2, 3, 20])
def test_a_unit_that_is_mostly_off_tells_when_it_is_on(num_bins):
    """Zero in six of ten examples: H(0.6), whatever the bins of the other four."""
    on = np.arange(20_000) % 10 >= 6
    unit = np.where(on, RANDOM.random(20_000), 0.0)
    found = disentanglement(unit[:, None], on, num_bins=num_bins)
    entropy = -(0.6 * np.log(0.6) + 0.4 * np.log(0.4))
    assert found.information[0, 0] == pytest.approx(entropy)


@pytest.mark.parametrize(
    ("latents", "factors", "match"),
    [
        (NOISE, FACTORS[:5], "latents has 20000 rows and factors 5"),
        (NOISE[:, 0], FACTORS, "latents has shape"),
        (NOISE, np.ones(20_000), "factors has one value alone in column 0"),
        (NOISE[:1], FACTORS[:1], "at least two"),
        (NOISE[:2], [object(), object()], "expected real numbers"),
        (NOISE[:2], ["a", None], "text beside None; expected text alone"),
        (NOISE[:2], [0.0, np.nan], "holds NaN"),
        (NOISE[:2], [[1, 2], [3]], "factors is a list"),
        (NOISE[:2], np.zeros((2, 0)), r"factors has shape \(2, 0\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(latents, factors, match):
    with pytest.raises(DataError, match=match):
        disentanglement(latents, factors)


def test_one_bin_is_refused():
    with pytest.raises(ValueError, match="num_bins=1: expected at least 2"):
        disentanglement(NOISE, FACTORS, num_bins=1)
