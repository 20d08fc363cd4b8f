"""All priors and likelihoods keep the contract, with their options."""

from hiervae.testing import parametrize_with_checks

SMALL = {"hidden_units": [8]}


@parametrize_with_checks(
    "tfp", kind="prior", distribution="full_covariance_mixture", num_components=3
)
def test_full_covariance_mixture(check):
    check()


@parametrize_with_checks("tfp", kind="prior", distribution="low_rank_mixture", num_components=3)
def test_low_rank_mixture(check):
    check()


@parametrize_with_checks(
    "tfp", kind="prior", distribution="masked_autoregressive_flow", num_layers=2, **SMALL
)
def test_masked_autoregressive_flow(check):
    check()


@parametrize_with_checks("tfp", kind="prior", distribution="real_nvp", num_layers=2, **SMALL)
def test_real_nvp(check):
    check()


@parametrize_with_checks("tfp", kind="prior", distribution="made", num_components=2, **SMALL)
def test_made(check):
    check()


@parametrize_with_checks("tfp", kind="likelihood", distribution="poisson")
def test_poisson(check):
    check()


@parametrize_with_checks(
    "tfp", kind="likelihood", distribution="negative_binomial", dispersion="predicted"
)
def test_negative_binomial(check):
    check()


@parametrize_with_checks("tfp", kind="likelihood", distribution="student_t")
def test_student_t(check):
    check()


@parametrize_with_checks("tfp", kind="likelihood", distribution="categorical", num_categories=4)
def test_categorical(check):
    check()


@parametrize_with_checks(
    "tfp",
    kind="likelihood",
    distribution="quantised_logistic_mixture",
    num_components=2,
    levels=16,
)
def test_quantised_logistic_mixture(check):
    check()
