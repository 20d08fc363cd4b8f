"""The measures on real models: they must agree with what the models say themselves."""

import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import active_units, elbo_decomposition, kl_profile
from hiervae.priors.standard_normal import StandardNormal
from tests.support.models import binary_data, small_model, vhp
from tests.support.statistics import assert_mean

X = binary_data(40)


@pytest.fixture(scope="module", params=["standard_normal", "vhp"])
def model(request):
    prior = vhp() if request.param == "vhp" else request.param
    built = small_model(latent_dims=(3, 2), prior=prior)
    built.build((None, X.shape[1]))
    # Untrained conditional priors are so narrow that sampled terms have heavy tails.
    for variable in built.trainable_variables:
        variable.assign(0.3 * variable)
    return built


def test_parts_agree_with_the_elbo_of_the_model(model):
    expected = model.elbo(X, num_samples=3000, seed=0).mean()
    parts = [elbo_decomposition(model, X, seed=seed) for seed in range(1, 61)]
    assert_mean([part.elbo for part in parts], expected)
    for part in parts[:3]:
        kl = part.conditional_kl + part.cross_entropy - part.conditional_entropy
        assert part.elbo == pytest.approx(part.reconstruction - kl)
        assert -0.05 < part.mutual_information <= np.log(len(X))
        assert part.prior_is_exact is isinstance(model.prior, StandardNormal)


def test_kl_terms_are_named_and_sum_as_in_the_model(model):
    profile = kl_profile(model, X, num_samples=20)
    assert [term.name for term in profile.terms] == ["kl_1", "kl_2"]
    parts = elbo_decomposition(model, X, num_samples=20)
    kl = parts.conditional_kl + parts.cross_entropy - parts.conditional_entropy
    assert profile.total == pytest.approx(kl, rel=1e-5)
    assert profile.terms[0].per_unit.shape == (3,)
    exact = model.prior.is_exact
    assert (profile.terms[1].per_unit is not None, profile.terms[1].prior_is_exact) == (
        exact,
        exact,
    )


def test_activity_of_the_lowest_level_is_the_variance_of_its_means(model):
    found = active_units(model, X)
    np.testing.assert_allclose(
        found.variances[0], model.encode(X)[0].var(axis=0, ddof=1), rtol=1e-5
    )
    assert [len(level) for level in found.variances] == [3, 2]


@pytest.mark.parametrize("measure", [kl_profile, active_units])
def test_a_bad_value_is_named_by_its_place_in_all_examples(model, measure):
    values = binary_data(600).astype("float32")
    values[570, 2] = np.nan
    with pytest.raises(DataError, match=r"nan at position \(570, 2\)"):
        measure(model, values)
