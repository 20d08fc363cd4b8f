"""Adam with normalised gradients."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from hiervae.types import Tensor
from hiervae.utils.pairs import NUM_MAPS, pair_axis


@keras.saving.register_keras_serializable(package="hiervae")
class NormalizedAdam(keras.optimizers.Adam):
    """Adam on gradients that are divided, each weight's by itself, by their L2 norm.

    The optimiser of Tomczak & Welling (2018), with their learning rates of 5e-4 or 1e-4. A gradient
    of zero stays zero. Weights that hold two maps side by side, as those of gated layers and of the
    heads of normals do, are divided map by map. What Keras does to gradients comes before the
    division: loss scaling is undone, accumulated gradients are averaged, replicas are summed, and
    clipping is applied, of which only `clipvalue` changes a direction.

    Takes the arguments of `keras.optimizers.Adam`.

    Example:
        >>> import hiervae
        >>> model = hiervae.HierarchicalVAE(latent_dims=2)
        >>> model.compile(hiervae.optimizers.NormalizedAdam(5e-4))
    """

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Take one step of Adam for one weight, along its normalised gradient."""
        # TensorFlow hands over its own variable, which does not know what it holds.
        own: Any = self
        weight = own._trainable_variables[own._get_variable_index(variable)]
        super().update_step(self.adam_gradient(gradient, weight), variable, learning_rate)

    def adam_gradient(self, gradient: Tensor, weight: keras.Variable) -> Tensor:
        """Return the normalised gradient of a weight, along which Adam takes its step.

        Backends that update all weights in one operation ask for it in place of `update_step`.

        Args:
            gradient: of the loss, of the weight's shape.
            weight: one of the weights that the optimiser was built for.
        """
        axis = pair_axis(weight)
        if axis is None:
            return _unit(gradient)
        maps = ops.split(gradient, NUM_MAPS, axis=axis)
        return ops.concatenate([_unit(each) for each in maps], axis=axis)


def _unit(gradient: Tensor) -> Tensor:
    """Return a gradient of norm 1, or of zeros."""
    gradient = ops.cast(gradient, "float32")
    # Squares of tiny gradients would vanish; the largest entry is taken out first.
    largest = ops.max(ops.abs(gradient))
    scaled = gradient / ops.where(largest > 0.0, largest, 1.0)
    norm = ops.sqrt(ops.sum(ops.square(scaled)))
    return scaled / ops.maximum(norm, 1.0)
