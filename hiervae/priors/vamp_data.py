"""The mixture of the posteriors of training examples."""

from __future__ import annotations

from typing import Any

from keras import ops

from hiervae.priors.posterior_mixture import PosteriorMixture
from hiervae.utils.batching import Array


class VampDataPrior(PosteriorMixture):
    """p(z) = sum_k w_k q(z | x_k) with K fixed training examples (Tomczak & Welling 2018).

    The "VampPrior data" of the paper. The first `fit` draws the examples at random from the
    training data, unless `adapt` was called by hand; they never change, and are saved with the
    model.

    Args:
        num_components: K, at most the number of training examples.
        weights: "uniform" for w_k = 1/K, or "learned" for the softmax of free logits.
        **kwargs: `name` and `dtype` of a Keras layer.

    Raises:
        ValueError: if an option is wrong.
    """

    def build(self, input_shape: Any) -> None:
        """Create the room for the examples."""
        super().build(input_shape)
        self.inputs = self.add_weight(
            shape=(self.num_components, *self.context.event_shape),
            initializer="zeros",
            trainable=False,
            name="examples",
        )
        self.adapted = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="adapted"
        )

    @property
    def num_examples_wanted(self) -> int:
        """K, or 0 where the prior has its examples: those given by hand are kept."""
        return 0 if self._has_examples() else self.num_components

    def adapt(self, examples: Array) -> None:
        """Take the first K of the examples (n, *event_shape).

        Raises:
            DataError: if there are fewer than K, or they are of another shape.
        """
        self.inputs.assign(self.checked_examples(examples))
        self.adapted.assign(1.0)

    def check_ready(self) -> None:
        """See the base class.

        Raises:
            ValueError: if the prior has no examples yet.
        """
        if not self._has_examples():
            raise ValueError(
                "VampDataPrior has no examples yet; expected "
                f"{self.num_components} training examples as its components. Train the model with "
                "`fit`, load a trained one, or call `model.adapt(x)`."
            )

    def _has_examples(self) -> bool:
        return self.built and bool(ops.convert_to_numpy(self.adapted) > 0)
