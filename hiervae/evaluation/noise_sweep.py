"""What the noise of one stochastic level changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hiervae.evaluation.traversal import check_level, from_noise
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE


def noise_sweep(model: HierarchicalVAE, level: int, num: int = 10, seed: int = 0) -> NDArray[Any]:
    """Decode fresh noise of one level, every other level's held (Zhao et al. 2017, Figure 3).

    Below the top of a stacked structure z_l = mu(z_{l+1}, ...) + sigma(z_{l+1}, ...) eps_l; the
    noise eps_l of every other level is one draw, the same in all images, so that the levels below
    follow the one that changes by their means and variances alone. At the top, and at any level of
    a flat structure (Figures 6 and 7), the draws are the prior's. With one seed the noise that is
    held is the same whichever level changes, so that the pictures of all levels can be compared.

    Args:
        model: a built model.
        level: number of the level whose noise is drawn anew in each image, from 1 (nearest the
            data) to L.
        num: rows and columns of images.
        seed: of the draws.

    Returns:
        Means of the likelihood, shape (num, num, *event_shape).

    Raises:
        ValueError: if there is no such level, `num` is wrong, or the model is not built.
        NotImplementedError: if a plugin's stacked scheme does not tell its conditional priors.

    Example:
        >>> images = noise_sweep(model, level=3)
        >>> plotting.image_grid(images.reshape(-1, *images.shape[2:]), num_columns=images.shape[1])
    """
    number = check_level(model, level)
    cells = check_positive_int("num", num) ** 2
    held = model.sample_prior(1, seed=seed)
    if model.inference.structure == "flat":
        splits = np.cumsum(model.latent_dims)[:-1]
        latents = [np.repeat(part, cells, axis=0) for part in np.split(held, splits, axis=-1)]
        latents[number - 1] = np.split(model.sample_prior(cells), splits, axis=-1)[number - 1]
    else:
        top = number == model.num_levels
        latents = [model.sample_prior(cells) if top else np.repeat(held, cells, axis=0)]
        for below in range(model.num_levels - 1, 0, -1):
            generator = np.random.default_rng((seed, below))
            size = (1, model.latent_dims[below - 1])
            noise = np.repeat(generator.standard_normal(size, dtype="float32"), cells, axis=0)
            if below == number:
                noise = generator.standard_normal(noise.shape, dtype="float32")
            latents = [from_noise(model.conditional_prior(latents), noise), *latents]
    images = model.decode(latents)
    return images.reshape(num, num, *images.shape[1:])
