import random

import pytest

from hiervae.callbacks.batch_sequence import BatchSequence


def test_in_order_each_item_comes_back_at_once():
    sequence = BatchSequence()
    for batch in range(5):
        sequence.begin(batch)
        assert sequence.end(batch, f"item {batch}") == [(batch, f"item {batch}")]


def test_a_later_end_waits_for_the_earlier_one():
    sequence = BatchSequence()
    for batch in (0, 1, 2):
        sequence.begin(batch)
    assert sequence.end(2, "c") == []
    assert sequence.end(0, "a") == [(0, "a")]
    assert sequence.end(1, "b") == [(1, "b"), (2, "c")]


@pytest.mark.parametrize("steps_per_execution", [1, 4])
@pytest.mark.parametrize("seed", range(5))
def test_any_interleaving_gives_the_order_of_the_begins(steps_per_execution, seed):
    generator = random.Random(seed)
    sequence, running, seen = BatchSequence(), [], []
    firsts = list(range(0, 50, steps_per_execution))
    while firsts or running:
        if firsts and (not running or generator.random() < 0.5):
            running.append(firsts.pop(0))
            sequence.begin(running[-1])
        else:
            first = running.pop(generator.randrange(len(running)))
            # The last execution of an epoch may be shorter.
            last = min(first + steps_per_execution - 1, 49)
            seen += sequence.end(last, first)
    assert [first for _, first in seen] == list(range(0, 50, steps_per_execution))
    assert [last for last, _ in seen][-1] == 49
