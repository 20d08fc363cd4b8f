"""All likelihoods keep the contract, with their options."""

from importlib.metadata import entry_points

import pytest
from hiervae.testing import parametrize_with_checks


@parametrize_with_checks("poisson")
def test_poisson(check):
    check()


@parametrize_with_checks("poisson", library_size="last", event_shape=(4,))
def test_poisson_with_an_observed_library_size(check):
    check()


@parametrize_with_checks("negative_binomial", dispersion="predicted", library_size=3.0)
def test_negative_binomial(check):
    check()


@parametrize_with_checks("zero_inflated_negative_binomial")
def test_zero_inflated_negative_binomial(check):
    check()


@parametrize_with_checks("categorical", num_categories=5)
def test_categorical(check):
    check()


@parametrize_with_checks("laplace", scale="predicted")
def test_laplace(check):
    check()


def test_all_are_found_by_their_entry_points():
    points = [
        point
        for point in entry_points(group="hiervae.likelihoods")
        if point.dist.name == "hiervae-counts"
    ]
    assert {point.name for point in points} == {
        "poisson",
        "negative_binomial",
        "zero_inflated_negative_binomial",
        "categorical",
        "laplace",
    }
    assert all(isinstance(point.load(), type) for point in points)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("poisson", {"library_size": "first"}),
        ("poisson", {"library_size": -1.0}),
        ("negative_binomial", {"dispersion": "fixed"}),
        ("negative_binomial", {"initial_dispersion": 0.0}),
        ("negative_binomial", {"initial_dispersion": 1e-4}),
        ("negative_binomial", {"initial_dispersion": 1e5}),
        ("categorical", {"num_categories": 1}),
        ("laplace", {"scale": "wide"}),
        ("laplace", {"scale": 0.0}),
    ],
)
def test_options_that_are_refused(name, options):
    (point,) = entry_points(group="hiervae.likelihoods", name=name)
    with pytest.raises(ValueError, match=next(iter(options))):
        point.load()(**options)
