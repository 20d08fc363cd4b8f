"""The discretised logistic likelihood of greys."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from hiervae.likelihoods import logistic
from hiervae.likelihoods.base import Likelihood
from hiervae.likelihoods.greys import check_num_levels, is_grey, level_of, where_possible
from hiervae.likelihoods.heads import OutputHead
from hiervae.networks.starts import RepeatedStart
from hiervae.types import Config, Tensor
from hiervae.utils.validation import check_choice, check_increasing


class DiscretizedLogistic(Likelihood):
    """Logistic densities integrated over the levels of greys in [0, 1] (Kingma et al. 2016).

    With 256 levels, a grey x of level k = min(floor(256 x), 255) has the probability
    sigmoid(((k + 1) / 256 - m) / s) - sigmoid((k / 256 - m) / s); the lowest and the highest level
    take the whole tail beyond them (Tomczak & Welling 2018). Greys of 8-bit data divided by 255
    have a level each, and draws are such greys, k / 255. The parameters are location m and
    log-scale log s, each (n, *event_shape). The reconstruction error is -log p(x | z).

    Args:
        num_levels: number of levels.
        log_scale: "predicted" for an output of the decoder; "learned" for one weight a value.
        mean_bounds: bounds of the location, a sigmoid of the decoder's output; None stands for
            half a level from either end, (1/512, 1 - 1/512) with 256 levels.
        log_scale_bounds: bounds of the log-scale, which starts in or near their middle.

    Raises:
        ValueError: if an option is not as described.
    """

    value_range = (0.0, 1.0)

    def __init__(
        self,
        num_levels: int = 256,
        log_scale: str = "predicted",
        mean_bounds: tuple[float, float] | None = None,
        log_scale_bounds: tuple[float, float] = (-4.5, 0.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_levels = check_num_levels("num_levels", num_levels)
        self.log_scale = check_choice("log_scale", log_scale, ("predicted", "learned"))
        if mean_bounds is None:
            mean_bounds = (0.5 / self.num_levels, 1.0 - 0.5 / self.num_levels)
        self.mean_bounds = check_increasing("mean_bounds", mean_bounds)
        self.log_scale_bounds = check_increasing("log_scale_bounds", log_scale_bounds)

    def build(self, input_shape: Any) -> None:
        """Create the output weights for features of shape (n, ...)."""
        event_shape = self.context.event_shape
        predicted = self.log_scale == "predicted"
        middle = sum(self.log_scale_bounds) / 2.0
        self.head = OutputHead(
            event_shape,
            num=2 if predicted else 1,
            bias_initializer=RepeatedStart((0.0, middle)) if predicted else "zeros",
            name="parameters",
        )
        self.head.build(input_shape)
        if not predicted:
            self.learned_log_scale = self.add_weight(
                shape=event_shape,
                initializer=keras.initializers.Constant(middle),
                dtype="float32",
                name="log_scale",
            )

    def call(self, features: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """Location and log-scale, each (n, *event_shape)."""
        raw, *predicted = self.head(features)
        location = ops.clip(ops.sigmoid(raw), *self.mean_bounds)
        if predicted:
            (log_scale,) = predicted
        else:
            log_scale = ops.zeros_like(raw) + ops.convert_to_tensor(self.learned_log_scale)
        return location, ops.clip(log_scale, *self.log_scale_bounds)

    def log_prob(self, value: Tensor, parameters: tuple[Tensor, Tensor]) -> Tensor:
        """Log-probability in nats, shape (n,), for x of shape (n, *event_shape)."""
        location, log_scale = parameters
        level = level_of(value, self.num_levels)
        log_prob = logistic.log_prob_of_level(level, location, log_scale, self.num_levels)
        return where_possible(is_grey(value), log_prob)

    def mean(self, parameters: tuple[Tensor, Tensor]) -> Tensor:
        """Return the mean of the discretised distribution, shape (n, *event_shape)."""
        return logistic.mean_grey(*parameters, self.num_levels)

    def sample(self, parameters: tuple[Tensor, Tensor], seed: Any = None) -> Tensor:
        """Greys k / 255 (with 256 levels), shape (n, *event_shape)."""
        return logistic.draw_grey(*parameters, self.num_levels, seed)

    def reconstruction_error(self, value: Tensor, parameters: tuple[Tensor, Tensor]) -> Tensor:
        """-log p(x | z) in nats, shape (n,)."""
        return -self.log_prob(value, parameters)

    def log_prob_and_error(
        self, value: Tensor, parameters: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Both from one evaluation."""
        log_prob = self.log_prob(value, parameters)
        return log_prob, -log_prob

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "num_levels": self.num_levels,
            "log_scale": self.log_scale,
            "mean_bounds": self.mean_bounds,
            "log_scale_bounds": self.log_scale_bounds,
        }
