"""Priors that break the contract, each in one way, by the check that has to catch it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

from hiervae import random
from hiervae.distributions import DiagonalNormal

from .good_prior import GoodMixture


class SumsOverBatch(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return ops.sum(super().log_prob(latent))


class SumsOverBatchBroadcast(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        values = super().log_prob(latent)
        return ops.zeros_like(values) + ops.sum(values)


class KeepsTheEventAxis(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return super().log_prob(latent)[:, None]


class StandardizesTheBatch(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return super().log_prob(latent - ops.mean(latent, axis=0))


class SamplesOneDimension(GoodMixture):
    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        return super().sample(num_samples, seed=seed)[0]


class AveragesOverDimensions(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        joint = ops.mean(self.densities(latent), axis=-1)
        return ops.logsumexp(joint, axis=1) - math.log(self.num_components)


class LogSumExpPerDimension(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        single = ops.logsumexp(self.densities(latent), axis=1) - math.log(self.num_components)
        return ops.sum(single, axis=-1)


class ForgetsLogK(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return super().log_prob(latent) + math.log(self.num_components)


class OnlyTwo(GoodMixture):
    """A standard normal whose constant is that of two dimensions."""

    def build(self, input_shape: Any) -> None:
        pass

    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return -0.5 * ops.sum(ops.square(latent), axis=-1) - math.log(2.0 * math.pi)

    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        return random.normal((num_samples, self.context.prior_dim), seed)


class DividesByTheVarianceTwice(GoodMixture):
    def densities(self, latent: Any) -> Any:
        log_variances = ops.clip(ops.convert_to_tensor(self.log_variances), -8.0, 8.0)
        squared = ops.square(latent[:, None, :] - self.means) * ops.exp(-2.0 * log_variances)
        return -0.5 * (squared + log_variances + math.log(2.0 * math.pi))


class SamplesTheStandardNormal(GoodMixture):
    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        return random.normal((num_samples, self.context.prior_dim), seed)


class SamplesWithTheVariance(GoodMixture):
    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        chosen = self.choose(num_samples, seed)
        means = ops.take(ops.convert_to_tensor(self.means), chosen, axis=0)
        log_variances = ops.clip(ops.convert_to_tensor(self.log_variances), -8.0, 8.0)
        variance = ops.exp(ops.take(log_variances, chosen, axis=0))
        return means + variance * random.normal(ops.shape(means), seed)


class AlwaysTheFirstComponent(GoodMixture):
    def choose(self, num_samples: int, seed: Any) -> Any:
        return 0 * super().choose(num_samples, seed)


class IgnoresTheSeed(GoodMixture):
    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        return super().sample(num_samples, seed=7)


class DrawsFromNumPy(GoodMixture):
    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        noise = np.random.default_rng().standard_normal((num_samples, self.context.prior_dim))
        return ops.convert_to_tensor(noise.astype("float32"))


class CreatesWeightsLate(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        if not hasattr(self, "late"):
            self.late = self.add_weight(shape=(), initializer="zeros", name="late")
        return super().log_prob(latent) + 0.0 * self.late


class ForgetsAnOption(GoodMixture):
    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_components"]
        return config


class ForgetsKerasOptions(GoodMixture):
    def get_config(self) -> dict[str, Any]:
        return {"num_components": self.num_components}


class RestoresTheDefault(GoodMixture):
    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GoodMixture:
        return cls(**{**config, "num_components": 3})


class ReportsAnotherValue(GoodMixture):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_components": 2}


class OverflowsFarOut(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        joint = ops.sum(self.densities(latent), axis=-1)
        return ops.log(ops.mean(ops.exp(joint), axis=1))


class NaNFarOut(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        growing = ops.exp(ops.sum(ops.abs(latent), axis=-1))
        return super().log_prob(latent) + (growing - growing)


class EstimateCalledExact(GoodMixture):
    def log_prob(
        self, latent: Any, components: Any = None, seed: Any = None, training: bool = False
    ) -> Any:
        noise = random.normal((ops.shape(latent)[0],), seed)
        return super().log_prob(latent) + 0.1 * noise - 0.005


class ScaledInTraining(GoodMixture):
    def log_prob(
        self, latent: Any, components: Any = None, seed: Any = None, training: bool = False
    ) -> Any:
        return super().log_prob(latent) * (0.9 if training else 1.0)


class DoesNotKnowTraining(GoodMixture):
    def log_prob(self, latent: Any, components: Any = None, seed: Any = None) -> Any:
        return super().log_prob(latent)


class SwapsArguments(GoodMixture):
    def log_prob(
        self, latent: Any, seed: Any = None, components: Any = None, training: bool = False
    ) -> Any:
        return super().log_prob(latent)


class AnotherClosedForm(GoodMixture):
    def distribution(self) -> DiagonalNormal:
        return DiagonalNormal.standard(1, self.context.prior_dim)


class LearnsInHalfPrecision(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return ops.cast(super().log_prob(latent), self.compute_dtype)


class RoundsItsWeightsInTheModel(GoodMixture):
    def add_weight(self, *args: Any, **kwargs: Any) -> Any:
        return super().add_weight(*args, **{**kwargs, "autocast": True})


class HasADeadWeight(GoodMixture):
    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.unused = self.add_weight(shape=(), initializer="zeros", name="unused")


class StopsTheGradient(GoodMixture):
    def densities(self, latent: Any) -> Any:
        log_variances = ops.clip(ops.convert_to_tensor(self.log_variances), -8.0, 8.0)
        means = ops.stop_gradient(ops.convert_to_tensor(self.means))
        squared = ops.square(latent[:, None, :] - means) * ops.exp(-log_variances)
        return -0.5 * (squared + log_variances + math.log(2.0 * math.pi))


class HidesState(GoodMixture):
    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.shift = np.random.default_rng().standard_normal(input_shape[-1]).astype("float32")

    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return super().log_prob(latent - ops.convert_to_tensor(self.shift))

    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        return super().sample(num_samples, seed=seed) + ops.convert_to_tensor(self.shift)


class BranchesOnATensor(GoodMixture):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return super().log_prob(latent + 0.0 if float(ops.max(latent)) > 0.0 else latent)


class PseudoInputsOutOfRange(GoodMixture):
    @property
    def pseudo_inputs(self) -> Any:
        return ops.zeros((3, *self.context.event_shape), dtype="float32") - 1.0


class PseudoInputsOfAnotherShape(GoodMixture):
    @property
    def pseudo_inputs(self) -> Any:
        return ops.zeros((3, 1), dtype="float32")


BROKEN = {
    SumsOverBatch: "log_prob",
    SumsOverBatchBroadcast: "log_prob",
    KeepsTheEventAxis: "log_prob",
    StandardizesTheBatch: "log_prob",
    SamplesOneDimension: "sample",
    AveragesOverDimensions: "normalisation",
    LogSumExpPerDimension: "sampling",
    ForgetsLogK: "normalisation",
    OnlyTwo: "normalisation",
    DividesByTheVarianceTwice: "normalisation",
    SamplesTheStandardNormal: "sampling",
    SamplesWithTheVariance: "sampling",
    AlwaysTheFirstComponent: "sampling",
    IgnoresTheSeed: "seeds",
    DrawsFromNumPy: "seeds",
    CreatesWeightsLate: "state",
    ForgetsAnOption: "config",
    ForgetsKerasOptions: "config",
    OverflowsFarOut: "extremes",
    NaNFarOut: "extremes",
    EstimateCalledExact: "exactness",
    ScaledInTraining: "exactness",
    DoesNotKnowTraining: "signature",
    SwapsArguments: "signature",
    AnotherClosedForm: "closed_form",
    LearnsInHalfPrecision: "precision",
    RoundsItsWeightsInTheModel: "precision",
    PseudoInputsOutOfRange: "pseudo_inputs",
    PseudoInputsOfAnotherShape: "pseudo_inputs",
}
"""Caught before a model is trained."""

BROKEN_IN_A_MODEL = {
    HasADeadWeight: "gradients",
    StopsTheGradient: "gradients",
    HidesState: "saving",
}
