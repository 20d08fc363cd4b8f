import time

import pytest

from benchmarks.statistics import Cost, Summary, interleave, measure, paired_ratios


def test_a_summary_is_median_and_range():
    assert Summary.of([3.0, 1.0, 2.0]) == Summary(2.0, 1.0, 3.0)
    assert Summary.of([1.0, 4.0]).median == 2.5


def test_ratios_pair_neighbouring_rounds():
    # The machine is twice as slow in the second round: the pairs' ratios do not see it.
    assert paired_ratios([1.0, 2.0], [2.0, 4.0]) == Summary(0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="argument 2"):
        paired_ratios([1.0], [1.0, 2.0])


def test_rounds_alternate_their_order():
    calls = []

    def work(name):
        return lambda: calls.append(name) or Cost(len(calls), 0.0)

    costs = interleave([work("a"), work("b"), work("c")], 3)
    assert "".join(calls) == "abccbaabc"
    assert [cost.wall for cost in costs[0]] == [1, 6, 7]
    assert [len(each) for each in costs] == [3, 3, 3]


def test_cpu_time_is_what_the_process_computed():
    idle = measure(lambda: time.sleep(0.05))
    assert idle.wall >= 0.05
    assert idle.cpu < 0.04

    def busy():
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass

    assert measure(busy).cpu >= 0.05
