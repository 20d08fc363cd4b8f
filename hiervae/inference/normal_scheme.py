"""What the inference schemes of diagonal normals share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from hiervae.inference.base import InferenceScheme
from hiervae.networks.base import build_block
from hiervae.networks.data_rows import data_in_first
from hiervae.networks.normal_head import (
    DEFAULT_LOG_VARIANCE_BOUNDS,
    VARIANCES,
    NormalHead,
    standardize_log_variance_bounds,
)
from hiervae.types import Config, Shape, Tensor
from hiervae.utils.validation import check_bool, check_choice


class NormalScheme(InferenceScheme):
    """An inference scheme whose distributions are all diagonal normals.

    Args:
        log_variance_bounds: bounds of the log-variances of all posteriors and conditional priors,
            whatever `variance` is.
        variance: how heads make variances: "exp" of a bounded log-variance; "softplus", as in the
            ladder VAE; or "sigmoid", a standard deviation of sigmoid(.) + 0.001 as in the VLAE.
        head_batch_norm: normalise what the heads of means and variances give over the batch, as
            the code of the ladder VAE does.

    Raises:
        ValueError: if the bounds are not two increasing finite numbers, or `variance` is unknown.
    """

    def __init__(
        self,
        log_variance_bounds: tuple[float, float] = DEFAULT_LOG_VARIANCE_BOUNDS,
        variance: str = "exp",
        head_batch_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.log_variance_bounds = standardize_log_variance_bounds(log_variance_bounds)
        self.variance = check_choice("variance", variance, VARIANCES)
        self.head_batch_norm = check_bool("head_batch_norm", head_batch_norm)

    def _build_head(
        self,
        block: Any,
        input_shapes: Sequence[Shape],
        shape: Shape,
        name: str,
        initial_scale: float = 1.0,
    ) -> tuple[NormalHead, Shape]:
        """Build `block`; return a head on it for latents of `shape`, and its features' shape."""
        features_shape = build_block(block, input_shapes)
        head = NormalHead(
            shape,
            self.log_variance_bounds,
            initial_scale,
            self.variance,
            self.head_batch_norm,
            name=name,
        )
        head.build((None, *features_shape))
        return head, features_shape

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "log_variance_bounds": self.log_variance_bounds,
            "variance": self.variance,
            "head_batch_norm": self.head_batch_norm,
        }


def call_block(block: Any, inputs: Sequence[Tensor], training: bool) -> Tensor:
    """Call `block` with one tensor, or with a list where there are several."""
    return block(list(inputs) if len(inputs) > 1 else inputs[0], training=training)


def encode_with_pseudo_inputs(
    function: Callable[[Tensor], list[Any]], rows: Tensor, more_rows: Tensor | None
) -> tuple[list[Any], list[Any] | None]:
    """Apply `function` to the rows of a batch and of a prior's pseudo-inputs in one pass.

    Batch normalisation inside takes its statistics from the first rows alone, and dropout drops
    features of these alone.

    Args:
        function: from a tensor (n, ...) to a list of values with n rows.
        rows: those of the data.
        more_rows: those of the prior's pseudo-inputs, or None.

    Returns:
        The outcomes for `rows` and for `more_rows`.
    """
    if more_rows is None:
        return function(rows), None
    number = ops.shape(rows)[0]
    with data_in_first(number):
        outcome = function(ops.concatenate([rows, more_rows], axis=0))
    return [each[:number] for each in outcome], [each[number:] for each in outcome]


jointly = encode_with_pseudo_inputs  # the name under which plugins import it
