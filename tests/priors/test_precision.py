"""Log-densities inside a model of mixed precision are those of float32."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import hiervae
from hiervae.priors import Prior
from tests.testing.good_prior import GoodMixture

X = (np.random.default_rng(0).random((8, 4)) < 0.5).astype("float32")


def prior_term(model: hiervae.HierarchicalVAE, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the prior says inside the model of latents that are the same for every model."""
    latent = np.random.default_rng(1).standard_normal((8, 6)).astype("float32")
    seen = []
    log_prob = type(model.prior).log_prob

    def spy(prior: Prior, _: Any, *args: Any, **kwargs: Any) -> Any:
        values = log_prob(prior, keras.ops.convert_to_tensor(latent), *args, **kwargs)
        seen.append(keras.ops.convert_to_numpy(values))
        return values

    monkeypatch.setattr(type(model.prior), "log_prob", spy)
    model(X, return_terms=True)
    monkeypatch.undo()
    return seen[0]


@pytest.mark.parametrize(
    "prior", [{"name": "mixture_of_gaussians", "num_components": 4}, GoodMixture]
)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_weights_of_a_prior_are_not_rounded(
    prior: Any, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = []
    for dtype in ("float32", policy):
        model = hiervae.HierarchicalVAE(6, prior=prior, network="mlp", dtype=dtype, seed=0)
        model.build((None, 4))
        generator = np.random.default_rng(2)
        for weight in model.prior.trainable_variables:
            weight.assign(generator.standard_normal(weight.shape))
        terms.append(prior_term(model, monkeypatch))
    np.testing.assert_allclose(terms[1], terms[0], rtol=1e-5)
