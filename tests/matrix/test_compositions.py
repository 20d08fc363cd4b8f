"""Compositions of all registered parts train, save, load, go on, sample and score.

The matrix is read from the registry, so that a part joins it by being registered. In the default
run every pair of parts meets on torch, which compiles nothing, and every part is there on the other
backends; `pytest -m slow tests/matrix` runs the whole product.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import keras
import numpy as np
import pytest

import hiervae
from hiervae import registry
from tests.support.models import compiled

EVENT_SHAPE = (5, 4)
LATENT_DIMS = (3, 2)
DENSE = {"name": "mlp", "hidden_units": (6,)}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "mixture_of_gaussians": {"num_components": 3},
    "vamp": {"num_components": 3, "initialize": "data"},
    "vamp_data": {"num_components": 3},
    "vhp": {"network": DENSE, "num_importance_samples": 2},
    "mlp": {"hidden_units": (6,), "batch_norm": True},
    "gated_mlp": {"hidden_units": (6,), "dropout": 0.2},
    "conv": {
        "encoder_layers": ((2, 3, 2),),
        "decoder_layers": ((2, 3, 2),),
        "hidden_units": (6,),
        "decoder_channels": 2,
        "batch_norm": True,
    },
    "gated_conv": {
        "encoder_layers": ((2, 3, 2),),
        "decoder_layers": ((2, 3, 1),),
        "hidden_units": (6,),
        "decoder_units": (6,),
    },
    "pixel_conv": {"encoder_layers": ((2, 3, 2),), "hidden_units": (6,)},
    "pixelcnn": {"levels": 2, "num_layers": 2, "num_filters": 3},
}
"""Arguments that make a part small."""

GROUPS = ("hiervae.priors", "hiervae.inference", "hiervae.likelihoods", "hiervae.networks")
NAMES = [
    # Layers of the user's own are tried beside; they have no settings to be made from.
    [name for name in registry.available(group) if name != "keras_layers"]
    for group in GROUPS
]
PRODUCT = list(itertools.product(*NAMES))


STRENGTH = 2 if keras.backend.backend() == "torch" else 1
"""How many parts at a time the default run tries in every way."""


def meetings(composition: tuple[str, ...], strength: int) -> set[tuple[tuple[int, str], ...]]:
    """The groups of `strength` parts, with their roles, that meet in a composition."""
    return set(itertools.combinations(enumerate(composition), strength))


def covering(product: list[tuple[str, ...]], strength: int) -> list[tuple[str, ...]]:
    """Few compositions in which every such group of parts meets, chosen greedily."""
    missing = set().union(*(meetings(composition, strength) for composition in product))
    chosen = []
    while missing:
        best = max(product, key=lambda composition: len(meetings(composition, strength) & missing))
        chosen.append(best)
        missing -= meetings(best, strength)
    return chosen


def config(name: str) -> dict[str, Any]:
    return {"name": name, **ARGUMENTS.get(name, {})}


def examples(num: int) -> Any:
    """Zeros and ones, which every likelihood gives density to."""
    rng = np.random.default_rng(0)
    return (rng.random((num, *EVENT_SHAPE)) < 0.4).astype("float32")


def run(prior: Any, inference: Any, likelihood: Any, network: Any, path: Any) -> None:
    x = examples(6)
    model = compiled(
        hiervae.HierarchicalVAE(
            LATENT_DIMS,
            prior=prior,
            inference=inference,
            likelihood=likelihood,
            network=network,
            seed=0,
        ),
        keras.optimizers.Adam(1e-3),
    )
    history = model.fit(x, batch_size=3, verbose=0).history
    assert math.isfinite(history["loss"][0])
    model.save(path)
    loaded = keras.models.load_model(path)
    assert loaded.training_step == 2
    saved = model.get_weights()
    for before, after in zip(saved, loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    scores = loaded.log_likelihood(x, num_samples=4, seed=1)
    assert scores.shape == (6,)
    draws = loaded.sample(3, seed=1)
    assert draws.shape == (3, *EVENT_SHAPE)
    assert np.isfinite(draws).all()
    resumed = loaded.fit(x, batch_size=3, verbose=0).history
    assert loaded.training_step == 4
    assert math.isfinite(resumed["loss"][0])
    pairs = zip(saved, loaded.get_weights(), strict=True)
    assert any(not np.array_equal(before, after) for before, after in pairs)


@pytest.mark.parametrize("composition", covering(PRODUCT, STRENGTH), ids="-".join)
def test_a_covering_of_all_parts(composition: tuple[str, ...], tmp_path: Any) -> None:
    run(*map(config, composition), path=tmp_path / "model.keras")


@pytest.mark.slow
@pytest.mark.parametrize("composition", PRODUCT, ids="-".join)
def test_every_composition(composition: tuple[str, ...], tmp_path: Any) -> None:
    run(*map(config, composition), path=tmp_path / "model.keras")


@pytest.mark.parametrize("strength", [1, 2])
def test_the_covering_covers(strength: int) -> None:
    chosen = covering(PRODUCT, strength)
    met, all_of_them = (
        set().union(*(meetings(composition, strength) for composition in compositions))
        for compositions in (chosen, PRODUCT)
    )
    assert met == all_of_them
    assert len(chosen) < len(PRODUCT) / 5


REFUSED = {
    "top-down inference of one level": (
        {"latent_dims": (3,), "inference": "top_down"},
        EVENT_SHAPE,
        "expected two or more",
    ),
    "convolutions of vectors": ({"network": "conv"}, (20,), "are no images"),
    "gated convolutions of vectors": ({"network": "gated_conv"}, (20,), "are no images"),
    "a PixelCNN of vectors": ({"likelihood": "pixelcnn"}, (20,), "image"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_compositions_that_make_no_sense(case: str) -> None:
    settings, event_shape, reason = REFUSED[case]
    model = hiervae.HierarchicalVAE(**{"latent_dims": LATENT_DIMS, **settings})
    with pytest.raises(ValueError, match=reason):
        model.build((None, *event_shape))
