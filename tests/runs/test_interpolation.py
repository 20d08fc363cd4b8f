import numpy as np
import pytest

from hiervae.datasets import from_arrays, load
from hiervae.errors import DataError
from hiervae.runs.data import examples_of, held_out_split, labels_of
from hiervae.runs.interpolation import choose_ends, choose_example


def test_angles_are_chosen_the_short_way_round():
    dataset = load("pendulum", num_images=1, valid_size=0, test_size=500)
    degrees = np.rad2deg(dataset.test_labels)
    for wanted in (0.0, 360.0, -90.0, 181.5):
        chosen = choose_example(dataset, "test", wanted, "label")
        distance = np.abs((degrees - wanted + 180.0) % 360.0 - 180.0)
        assert distance[chosen] == distance.min()


def test_classes_are_chosen_by_their_first_example():
    values, labels = np.random.default_rng(0).random((8, 3)), np.array([2, 0, 1, 1, 0, 2, 2, 0])
    dataset = from_arrays(values, values, values, test_labels=labels)
    assert choose_example(dataset, "test", 1.0, "label") == 2
    assert choose_example(dataset, "test", 7.0, "index") == 7
    with pytest.raises(DataError, match="expected one of 0, 1, 2. Choose by position"):
        choose_example(dataset, "test", 3.0, "label")
    with pytest.raises(DataError, match="--by index"):
        choose_example(dataset, "valid", 3.0, "label")
    for wrong in (8.0, -1.0, 0.5):
        with pytest.raises(DataError, match="from 0 to 7"):
            choose_example(dataset, "test", wrong, "index")


def test_without_ends_two_examples_of_different_classes_are_chosen():
    values, labels = np.random.default_rng(0).random((8, 3)), np.array([2, 2, 2, 3, 3, 9, 9, 0])
    dataset = from_arrays(values, values, values, test_labels=labels, valid_labels=labels * 0)
    ends = choose_ends(dataset, "test")
    assert (ends.values, ends.by, ends.positions) == ((0.0, 9.0), "label", [7, 5])
    assert ends.title == "from 0 to 9 (label)"
    for split in ("train", "valid"):  # no labels; labels that are all the same
        ends = choose_ends(dataset, split)
        assert (ends.values, ends.by, ends.positions) == ((0.0, 4.0), "index", [0, 4])
    assert choose_ends(dataset, "test", 3.0, 1.0).positions == [3, 1]
    assert choose_ends(dataset, "test", 3.0, 2.0, "label").positions == [3, 0]
    with pytest.raises(DataError, match="both the test example 0; expected two different"):
        choose_ends(dataset, "test", 0.0, 0.0)


def test_without_ends_examples_with_text_for_labels_are_chosen_by_position():
    values, labels = np.random.default_rng(0).random((8, 3)), np.array(["cat", "dog"] * 4)
    dataset = from_arrays(values, values, values, test_labels=labels)
    ends = choose_ends(dataset, "test")
    assert (ends.values, ends.by, ends.positions) == ((0.0, 4.0), "index", [0, 4])
    with pytest.raises(DataError, match="have none that is a number; .* from 0 to 7"):
        choose_example(dataset, "test", 1.0, "label")


def test_without_ends_angles_are_half_a_turn_apart():
    dataset = load("pendulum", num_images=1, valid_size=0, test_size=500)
    ends = choose_ends(dataset, "test")
    assert (ends.values, ends.by, ends.unit) == ((0.0, 180.0), "label", "degrees")
    first, second = np.rad2deg(dataset.test_labels[ends.positions])
    assert abs((second - first) % 360.0 - 180.0) < 5.0


def test_the_held_out_split_is_the_last_with_examples():
    assert held_out_split(load("pendulum", num_images=2, valid_size=2, test_size=2)) == "test"
    assert held_out_split(load("pendulum", num_images=2, valid_size=2, test_size=0)) == "valid"
    alone = load("pendulum", num_images=2, valid_size=0, test_size=0)
    assert held_out_split(alone) == "train"
    with pytest.raises(DataError, match="it has train"):
        examples_of(alone, "test")


def test_some_examples_come_with_their_own_labels():
    values, labels = np.arange(10.0)[:, None] / 10, np.arange(10)
    dataset = from_arrays(values, values, values, test_labels=labels)
    examples, chosen = examples_of(dataset, "test", 4), labels_of(dataset, "test", 4)
    assert chosen.tolist() == [0, 2, 5, 7]
    np.testing.assert_allclose(examples[:, 0], chosen / 10, rtol=1e-6)
    assert len(examples_of(dataset, "test", 99)) == len(labels_of(dataset, "test")) == 10
    assert labels_of(dataset, "valid") is None
