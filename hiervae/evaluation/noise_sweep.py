"""What the noise of one stochastic level changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hiervae.evaluation.traversal import check_level, from_noise
from hiervae.utils.validation import check_natural, check_positive_int

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
        >>> import hiervae
        >>> model = hiervae.HierarchicalVAE(latent_dims=(3, 2), seed=0)
        >>> model.build((None, 8, 8))
        >>> images = noise_sweep(model, level=2, num=3)
        >>> images.shape
        (3, 3, 8, 8)
        >>> figure = hiervae.plotting.image_grid(images.reshape(-1, 8, 8), num_columns=3)
    """
    number = check_level(model, level)
    cells = check_positive_int("num", num) ** 2
    seed = check_natural("seed", seed)
    held = model.sample_prior(1, seed=seed)
    latents = model.split_latent(np.repeat(held, cells, axis=0))
    first = model.num_levels - len(latents)
    if number > first:
        latents[number - first - 1] = model.split_latent(model.sample_prior(cells))[
            number - first - 1
        ]
    for below in range(first, 0, -1):
        generator = np.random.default_rng((seed, below))
        size = (1, *model.latent_shapes[below - 1])
        held_noise = generator.standard_normal(size, dtype="float32")
        noise = np.repeat(held_noise, cells, axis=0)
        if below == number:
            noise = generator.standard_normal(noise.shape, dtype="float32")
        latents = [from_noise(model.conditional_prior(latents), noise), *latents]
    images = model.decode(latents)
    return images.reshape(num, num, *images.shape[1:])
