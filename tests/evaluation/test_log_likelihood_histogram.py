import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import log_likelihood_histogram


def test_every_example_is_counted_once_in_common_bins():
    scores = {"a": np.array([-4.0, -3.5, -1.0, 0.0]), "b": np.array([-2.0])}
    found = log_likelihood_histogram(scores, num_bins=4)
    assert found.edges.tolist() == [-4.0, -3.0, -2.0, -1.0, 0.0]
    assert found.counts["a"].tolist() == [2, 0, 0, 2]
    assert found.counts["b"].tolist() == [0, 0, 1, 0]
    assert found.means == {"a": -2.125, "b": -2.0}


@pytest.mark.parametrize(
    ("scores", "match"),
    [
        ({}, "scores is empty"),
        ({"a": [1.0, np.nan]}, r"scores of 'a' have shape \(2,\), 1 of them finite"),
        ({"a": [[1.0]]}, r"shape \(1, 1\)"),
        ({"a": ["x"]}, r"scores\['a'\] has the type <U1; expected real numbers"),
        (np.zeros(3), r"scores is a ndarray; expected a dict"),
    ],
)
def test_wrong_scores_are_refused(scores, match):
    with pytest.raises(DataError, match=match):
        log_likelihood_histogram(scores)


def test_a_number_of_bins_is_needed():
    with pytest.raises(ValueError, match="num_bins"):
        log_likelihood_histogram({"a": [0.0]}, num_bins=0)
