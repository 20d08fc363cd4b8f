"""The Gibbs chain between examples and latents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiervae.evaluation.passes import as_examples
from hiervae.model.finite import require_finite
from hiervae.types import Tensor
from hiervae.utils.validation import check_positive_int

if TYPE_CHECKING:
    from hiervae.model import HierarchicalVAE


@dataclass(frozen=True)
class GibbsChain:
    """What a Gibbs chain passed through.

    Attributes:
        steps: numbers (T,) of the steps that were kept, from 1.
        samples: x after each of them, drawn from p(x | z); shape (T, n, *event_shape).
        means: the means of the p(x | z) they were drawn from, of the same shape.
    """

    steps: NDArray[np.int64]
    samples: NDArray[Any]
    means: NDArray[Any]


def gibbs_chain(
    model: HierarchicalVAE,
    x: ArrayLike,
    num_steps: int = 20,
    keep_every: int = 1,
    seed: int | None = 0,
) -> GibbsChain:
    """Run z_1 ~ q(z_1 | x), x ~ p(x | z_1) in turn (Zhao et al. 2017, Eq. 6, Proposition 1).

    If the ELBO of a Markov hierarchy (`bottom_up`, `ladder`) reached its optimum, the chain would
    converge to the distribution of the data although it uses the lowest level alone; compare it
    with `model.sample`, which descends from the prior. Where x is conditioned on more latents
    (`top_down`, `vlae`), all of them are drawn from the posterior, as in the paper's appendix.

    Args:
        model: a built model.
        x: where the chains start, shape (n, *event_shape): one chain an example. The start may be
            anything in the likelihood's range, such as noise.
        num_steps: steps of each chain.
        keep_every: keep every so many steps, to save memory.
        seed: of the draws; None goes on with the model's generator, as a chain in pieces does.

    Returns:
        The draws and their means, (num_steps // keep_every, n, *event_shape).

    Raises:
        ValueError: if a number is not a positive integer, or no step would be kept.
        DataError: if `x` is empty or does not fit the model.
        NonFiniteLossError: if a posterior or a mean is NaN or infinite.

    Example:
        >>> import hiervae
        >>> model = hiervae.HierarchicalVAE(latent_dims=2, seed=0)
        >>> x = np.zeros((3, 8, 8))
        >>> chain = gibbs_chain(model, x, num_steps=4, keep_every=2)
        >>> rows = chain.means.swapaxes(0, 1)  # one row per chain
        >>> rows.shape
        (3, 2, 8, 8)
        >>> figure = hiervae.plotting.image_grid(rows.reshape(-1, 8, 8), num_columns=2)
    """
    current = as_examples(x)
    check_positive_int("num_steps", num_steps)
    if check_positive_int("keep_every", keep_every) > num_steps:
        raise ValueError(
            f"keep_every={keep_every} of num_steps={num_steps}: expected at most {num_steps}, or "
            "no step would be kept."
        )
    steps = np.arange(keep_every, num_steps + 1, keep_every)

    def decode(features: Tensor) -> tuple[Tensor, Tensor]:
        parameters = model.likelihood(features)
        drawn = model.likelihood.sample(parameters, seed=model.evaluation_generator)
        return drawn, model.likelihood.mean(parameters)

    decoded: Callable[[Tensor], tuple[Tensor, Tensor]] = model.compiled_function(
        ("gibbs_chain",), decode
    )
    samples, means = [], []
    for step in range(1, num_steps + 1):
        outcome = model.posterior(current, seed=seed if step == 1 else None)
        drawn, mean = decoded(keras.ops.convert_to_tensor(outcome.features))
        current = keras.ops.convert_to_numpy(drawn)
        if step % keep_every == 0:
            samples.append(current)
            means.append(keras.ops.convert_to_numpy(mean))
            require_finite("The mean of the likelihood", means[-1])
    return GibbsChain(steps, np.stack(samples), np.stack(means))
