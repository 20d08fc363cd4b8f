"""The base of the priors whose components are posteriors of pseudo-inputs."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.distributions.diagonal_normal import as_float32
from hiervae.errors import DataError
from hiervae.priors.mixture import Mixture
from hiervae.types import Tensor
from hiervae.utils.batching import Array


class PosteriorMixture(Mixture, abc.ABC):
    """p(z) = sum_k w_k q(z | u_k) (Tomczak & Welling 2018, Eq. 9).

    The pseudo-inputs u_k go through the encoder of the data, in the pass of the batch; the model
    hands their posteriors back as `components`. The prior never holds the encoder.

    Weights: `inputs`, the u_k before they are clipped, shape (K, *event_shape).
    """

    inputs: Any

    @property
    def is_exact(self) -> bool:
        """Whether q(z | u_k) is the posterior itself.

        It is not where the inference scheme must draw lower levels on the way to z, as bottom-up
        inference of several levels does: components conditioned on one draw give an unbiased
        estimate of the mixture's density, not the density.
        """
        return not self.context.components_are_drawn

    @property
    def pseudo_inputs(self) -> Tensor:
        """u_k, shape (K, *event_shape), clipped to the range of the likelihood's values."""
        values = as_float32(ops.convert_to_tensor(self.inputs))
        low, high = self.context.value_range
        values = values if low is None else ops.maximum(values, low)
        return values if high is None else ops.minimum(values, high)

    def normals(self, components: DiagonalNormal | None) -> DiagonalNormal:
        """The components themselves.

        Raises:
            ValueError: if there are none.
        """
        if components is None:
            raise ValueError(
                f"{type(self).__name__} received components=None; expected the posteriors of its "
                "pseudo-inputs. Give `pseudo_inputs` to the scheme's `infer`, or take "
                "`encode_components(prior.pseudo_inputs)`."
            )
        return components

    def checked_examples(self, examples: Array) -> Array:
        """The first K of `examples`, float32.

        Raises:
            DataError: if there are fewer, or they are of another shape.
        """
        array = np.asarray(examples, dtype="float32")
        event_shape = self.context.event_shape
        if array.shape[1:] != event_shape or len(array) < self.num_components:
            raise DataError(
                f"{type(self).__name__} received examples of shape {array.shape}; it takes one for "
                f"each of its num_components={self.num_components} components, expected "
                f"({self.num_components}, *{event_shape}) or more. Train on more examples, or "
                "choose a smaller num_components."
            )
        return array[: self.num_components]
