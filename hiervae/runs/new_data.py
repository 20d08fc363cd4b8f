"""New data of a run's model, as its pictures show it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from hiervae.model import HierarchicalVAE


def new_data(
    model: HierarchicalVAE,
    num: int,
    seed: int,
    noise: bool = False,
    component: int | None = None,
) -> tuple[NDArray[Any], str]:
    """Means of the likelihood at samples of the prior, or draws from the likelihood.

    Args:
        model: a built model.
        num: how many.
        seed: of the draws.
        noise: draw from the likelihood. So it is in any case where `mean` is not the mean of what
            is drawn, as with a PixelCNN.
        component: number of the one component of a mixture prior to draw from.

    Returns:
        Shape (num, *event_shape), and what they are.

    Raises:
        ValueError: if the prior has no such component.
    """
    origin = "the prior" if component is None else f"component {component} of the prior"
    if noise or not model.likelihood.mean_is_exact:
        return model.sample(num, seed=seed, component=component), f"samples from {origin}"
    latent = model.sample_prior(num, seed=seed, component=component)
    return model.generate(latent), f"means of samples of {origin}"
