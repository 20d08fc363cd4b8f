"""Likelihoods that break the contract, by the check that has to catch it."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from hiervae import random
from hiervae.distributions import DiagonalNormal
from hiervae.likelihoods.bernoulli import Bernoulli
from hiervae.likelihoods.gaussian import Gaussian


class AveragesOverTheEvent(Bernoulli):
    def log_prob(self, value: Any, parameters: Any) -> Any:
        return super().log_prob(value, parameters) / float(np.prod(self.context.event_shape))


class KeepsTheEvent(Bernoulli):
    def log_prob(self, value: Any, parameters: Any) -> Any:
        return value * parameters - ops.softplus(parameters)


class SumsOverBatch(Bernoulli):
    def log_prob(self, value: Any, parameters: Any) -> Any:
        values = super().log_prob(value, parameters)
        return ops.zeros_like(values) + ops.sum(values)


class TakesLogitsAsMeans(Bernoulli):
    def mean(self, parameters: Any) -> Any:
        return parameters


class ReturnsProbabilities(Bernoulli):
    def sample(self, parameters: Any, seed: Any = None) -> Any:
        return ops.round(ops.sigmoid(parameters))


class SamplesTheOpposite(Bernoulli):
    def sample(self, parameters: Any, seed: Any = None) -> Any:
        return 1.0 - super().sample(parameters, seed)

    def mean(self, parameters: Any) -> Any:
        return 1.0 - super().mean(parameters)


class TakesTheLogOfAProbability(Bernoulli):
    def log_prob(self, value: Any, parameters: Any) -> Any:
        rate = ops.sigmoid(parameters)
        chosen = value * rate + (1.0 - value) * (1.0 - rate)
        return ops.sum(ops.log(chosen), axis=tuple(range(1, len(value.shape))))


class AcceptsAnything(Bernoulli):
    def check_values(self, values: Any) -> None:
        return None


class RefusesItsOwnDraws(Bernoulli):
    value_range = (0.0, 0.5)


class HasANegativeError(Bernoulli):
    def reconstruction_error(self, value: Any, parameters: Any) -> Any:
        return self.log_prob(value, parameters)


class MakesTheErrorConstant(Bernoulli):
    def reconstruction_error(self, value: Any, parameters: Any) -> Any:
        return 0.0 * self.log_prob(value, parameters)

    def log_prob_and_error(self, value: Any, parameters: Any) -> Any:
        return self.log_prob(value, parameters), self.reconstruction_error(value, parameters)


class ScalesTheError(MakesTheErrorConstant):
    def reconstruction_error(self, value: Any, parameters: Any) -> Any:
        return -self.log_prob(value, parameters) / 7.0


class AveragesTheError(MakesTheErrorConstant):
    def reconstruction_error(self, value: Any, parameters: Any) -> Any:
        return -self.log_prob(value, parameters) / float(np.prod(self.context.event_shape))


class MeasuresTheValueAlone(MakesTheErrorConstant):
    def reconstruction_error(self, value: Any, parameters: Any) -> Any:
        return ops.sum(value, axis=tuple(range(1, len(value.shape))))


class TakesTheProbabilityForTheError(MakesTheErrorConstant):
    def reconstruction_error(self, value: Any, parameters: Any) -> Any:
        return ops.exp(self.log_prob(value, parameters))


class AveragesTheSquaredError(Gaussian):
    def __init__(self, variance: str = "learned", **kwargs: Any) -> None:
        super().__init__(variance, **kwargs)

    def reconstruction_error(self, value: Any, parameters: Any) -> Any:
        size = float(np.prod(self.context.event_shape))
        return super().reconstruction_error(value, parameters) / size


class DisagreesWithItself(Bernoulli):
    def log_prob_and_error(self, value: Any, parameters: Any) -> Any:
        log_prob = self.log_prob(value, parameters)
        return log_prob, -2.0 * log_prob


class ForgetsTheConstant(Gaussian):
    def log_prob(self, value: Any, parameters: Any) -> Any:
        return -self.reconstruction_error(value, parameters)


class OnlyTwo(Gaussian):
    """Its constant is that of two values."""

    def __init__(self, variance: float = 1.0, **kwargs: Any) -> None:
        super().__init__(variance, **kwargs)

    def log_prob(self, value: Any, parameters: Any) -> Any:
        return -self.reconstruction_error(value, parameters) - float(np.log(2.0 * np.pi))


class SamplesWithTheVariance(Gaussian):
    def sample(self, parameters: Any, seed: Any = None) -> Any:
        noise = random.normal(ops.shape(parameters.mean), seed)
        return self._shaped(parameters.mean + parameters.variance * noise)

    def __init__(self, variance: float = 0.25, **kwargs: Any) -> None:
        super().__init__(variance, **kwargs)


class ForgetsItsVariance(Gaussian):
    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["variance"]
        return config


class RoundsItsScaleInTheModel(Gaussian):
    """The mean alone depends on the features."""

    def __init__(self, variance: str = "learned", **kwargs: Any) -> None:
        super().__init__(variance, **kwargs)

    def add_weight(self, *args: Any, **kwargs: Any) -> Any:
        return super().add_weight(*args, **{**kwargs, "autocast": True})

    def log_prob(self, value: Any, parameters: Any) -> Any:
        raw = ops.clip(ops.convert_to_tensor(self.log_variance), *self.log_variance_bounds)
        scaled = DiagonalNormal(parameters.mean, raw + ops.zeros_like(parameters.mean))
        return super().log_prob(value, scaled)


BROKEN = {
    AveragesOverTheEvent: "normalisation",
    KeepsTheEvent: "log_prob",
    SumsOverBatch: "log_prob",
    TakesLogitsAsMeans: "moments",
    ReturnsProbabilities: "seeds",
    SamplesTheOpposite: "sampling",
    TakesTheLogOfAProbability: "extremes",
    AcceptsAnything: "values",
    RefusesItsOwnDraws: "values",
    HasANegativeError: "reconstruction_error",
    MakesTheErrorConstant: "reconstruction_error",
    ScalesTheError: "reconstruction_error",
    AveragesTheError: "reconstruction_error",
    MeasuresTheValueAlone: "reconstruction_error",
    TakesTheProbabilityForTheError: "reconstruction_error",
    AveragesTheSquaredError: "reconstruction_error",
    DisagreesWithItself: "joint",
    ForgetsTheConstant: "normalisation",
    OnlyTwo: "normalisation",
    SamplesWithTheVariance: "sampling",
    ForgetsItsVariance: "config",
    RoundsItsScaleInTheModel: "precision",
}
