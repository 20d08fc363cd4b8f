"""A model whose weights are NaN says so, in place of blank images and errors about the data."""

import keras
import numpy as np
import pytest

from hiervae import evaluation
from hiervae.errors import NonFiniteLossError
from hiervae.manifold import LatentGraph
from hiervae.priors.standard_normal import StandardNormal
from tests.support.models import EVENT_SIZE, binary_data, small_model, vhp

X = binary_data(6)
LATENTS = [np.zeros((2, 3)), np.zeros((2, 2))]
ROLES = ("inference", "prior", "likelihood")

USES = {
    "encode": (lambda m: m.encode(X), {"inference"}),
    "posterior": (lambda m: m.posterior(X, seed=0), {"inference"}),
    "decode": (
        lambda m: m.decode([np.zeros((2, 3)), np.zeros((2, 2))]),
        {"inference", "likelihood"},
    ),
    "sample": (lambda m: m.sample(3, seed=0), {*ROLES}),
    "sample_prior": (lambda m: m.sample_prior(3, seed=0), {"prior"}),
    "generate": (lambda m: m.generate(np.zeros((2, 2))), {"inference", "likelihood"}),
    "conditional_prior": (lambda m: m.conditional_prior([np.zeros((2, 2))]), {"inference"}),
    "elbo": (lambda m: m.elbo(X), {*ROLES}),
    "log_likelihood": (lambda m: m.log_likelihood(X, 2, verbose=0), {*ROLES}),
    "kl_profile": (lambda m: evaluation.kl_profile(m, X), {"inference", "prior"}),
    "rate_distortion": (lambda m: evaluation.rate_distortion(m, X), {*ROLES}),
    "elbo_decomposition": (lambda m: evaluation.elbo_decomposition(m, X), {*ROLES}),
    "active_units": (lambda m: evaluation.active_units(m, X), {"inference"}),
    "latent_pca": (lambda m: evaluation.latent_pca(m, X), {"inference"}),
    "gibbs_chain": (lambda m: evaluation.gibbs_chain(m, X, 2), {"inference", "likelihood"}),
    "traversal": (lambda m: evaluation.traversal(m, 1, num=2), {*ROLES}),
    "noise_sweep": (lambda m: evaluation.noise_sweep(m, 1, num=2), {*ROLES}),
    "graph": (lambda m: LatentGraph.from_prior(m, 10, 3), {"prior"}),
}


@pytest.fixture(scope="module", params=ROLES)
def diverged(request):
    model = small_model(latent_dims=(3, 2), prior=vhp())
    model.build((None, EVENT_SIZE))
    for weight in getattr(model, request.param).trainable_variables:
        weight.assign(np.full(weight.shape, np.nan, "float32"))
    return request.param, model


@pytest.mark.parametrize("use", USES)
def test_a_diverged_model_is_named(diverged, use):
    role, model = diverged
    run, needs = USES[use]
    if role not in needs:
        run(model)
        return
    with pytest.raises(NonFiniteLossError, match="weights may have diverged"):
        run(model)


class Masked(StandardNormal):
    """A user's own, with weights that are infinite and whole numbers by design."""

    def build(self, input_shape):
        self.mask = self.add_weight(shape=(2,), initializer=never, trainable=False, name="mask")
        self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False, name="count")


def never(shape, dtype=None):
    return keras.ops.full(shape, -np.inf, dtype)


def test_infinite_and_whole_weights_are_no_obstacle():
    model = small_model(prior=Masked())
    model.build((None, EVENT_SIZE))
    assert not np.isfinite(model.prior.get_weights()[0]).any()
    assert model.sample(3, seed=0).shape == (3, EVENT_SIZE)
