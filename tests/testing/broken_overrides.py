"""Optional methods that break the contract, by the check that has to catch it; some do not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from keras import ops

from hiervae import random
from hiervae.distributions import DiagonalNormal
from hiervae.inference.bottom_up import BottomUp
from hiervae.inference.passes import InferencePass
from hiervae.inference.top_down import TopDown
from hiervae.likelihoods.bernoulli import Bernoulli
from hiervae.likelihoods.gaussian import Gaussian
from hiervae.networks.mlp import MLP
from hiervae.priors.standard_normal import StandardNormal

from .broken_inference import change_levels
from .good_prior import GoodMixture


class Whole(GoodMixture):
    """A mixture that keeps the contract of all that a prior may give."""

    live_options = ("num_threads",)

    def __init__(self, num_threads: int = 1, num_components: int = 3, **kwargs: Any) -> None:
        super().__init__(num_components, **kwargs)
        self.num_threads = num_threads

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_threads": self.num_threads}

    def check_component(self, index: Any) -> int:
        if not isinstance(index, int) or not 0 <= index < self.num_components:
            raise ValueError(f"component={index!r}: there are {self.num_components}.")
        return index

    def component(self, index: Any) -> DiagonalNormal:
        mean = ops.take(ops.convert_to_tensor(self.means), index, axis=0)
        log_variance = ops.take(ops.convert_to_tensor(self.log_variances), index, axis=0)
        return DiagonalNormal(mean, ops.clip(log_variance, -8.0, 8.0))

    def sample_component(
        self, index: Any, num_samples: int, components: Any = None, seed: Any = None
    ) -> Any:
        normal = self.component(index)
        noise = random.normal((num_samples, self.context.prior_dim), seed)
        return normal.mean + normal.stddev * noise

    def log_prob_in_training(
        self, latent: Any, inputs: Any, encode: Any, components: Any = None, seed: Any = None
    ) -> Any:
        return self.log_prob(latent)


class CountsFromOne(Whole):
    def check_component(self, index: Any) -> int:
        return super().check_component(index - 1) + 1


class AcceptsAnyNumber(Whole):
    def check_component(self, index: Any) -> int:
        return int(index)


class SaysNotWhatTheyAre(GoodMixture):
    def sample_component(
        self, index: Any, num_samples: int, components: Any = None, seed: Any = None
    ) -> Any:
        return self.sample(num_samples, seed=seed)


class AlwaysDrawsTheFirst(Whole):
    def component(self, index: Any) -> DiagonalNormal:
        return super().component(0 * index)


class DrawsAComponentWithTheVariance(Whole):
    def component(self, index: Any) -> DiagonalNormal:
        normal = super().component(index)
        return DiagonalNormal(normal.mean, 2.0 * normal.log_variance)


class ForgetsAComponent(Whole):
    def check_component(self, index: Any) -> int:
        super().check_component(index + 1 if index > 0 else index)
        return index


class DrawsOneDimension(Whole):
    def sample_component(self, *args: Any, **kwargs: Any) -> Any:
        return super().sample_component(*args, **kwargs)[:, 0]


class DrawsComponentsFromOneSeed(Whole):
    def sample_component(
        self, index: Any, num_samples: int, components: Any = None, seed: Any = None
    ) -> Any:
        return super().sample_component(index, num_samples, components, 3)


class TakesTheNumberOut(Whole):
    """Its number of a component has to be one of Python's."""

    def component(self, index: Any) -> DiagonalNormal:
        return super().component(int(index))


class SumsOverTheBatchInTraining(Whole):
    def log_prob_in_training(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return ops.sum(self.log_prob(latent))


class TrainsOnSomethingElse(Whole):
    """It has no example in view that would make it another density."""

    def log_prob_in_training(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return self.log_prob(latent) - 0.5


class LeavesOutWithoutNormalising(Whole):
    """Examples with a one at the first place leave out a component, and all divide by K - 1."""

    def log_prob_in_training(self, latent: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        joint = ops.logsumexp(ops.sum(self.densities(latent), axis=-1), axis=1)
        others = ops.logsumexp(ops.sum(self.densities(latent)[:, 1:], axis=-1), axis=1)
        count = math.log(self.num_components - 1)
        return ops.where(inputs[:, 0] > 0.5, others, joint) - count


class PairsWithAnotherExample(Whole):
    def log_prob_in_training(self, latent: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return self.log_prob(latent) - ops.sum(ops.roll(inputs, 1, axis=0), axis=-1)


class LooksAtTheExamples(Whole):
    def log_prob_in_training(self, latent: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return self.log_prob(latent if ops.max(inputs) < 2.0 else -latent)


class NamesWhatIsNoOption(Whole):
    live_options = ("num_threads", "speed")


class ForgetsTheComma(Whole):
    live_options = "num_threads"  # type: ignore[assignment]


class KeepsItElsewhere(GoodMixture):
    live_options = ("num_threads",)

    def __init__(self, num_threads: int = 1, num_components: int = 3, **kwargs: Any) -> None:
        super().__init__(num_components, **kwargs)
        self._num_threads = num_threads

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_threads": self._num_threads}


class SavesTheFirstValue(Whole):
    def __init__(self, num_threads: int = 1, num_components: int = 3, **kwargs: Any) -> None:
        super().__init__(num_threads, num_components, **kwargs)
        self._given = num_threads

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_threads": self._given}


class NetworkThatNamesWhatIsNoOption(MLP):
    live_options = ("width",)


PRIORS = {
    CountsFromOne: "sample_component",
    AcceptsAnyNumber: "sample_component",
    SaysNotWhatTheyAre: "sample_component",
    AlwaysDrawsTheFirst: "sample_component",
    DrawsAComponentWithTheVariance: "sample_component",
    ForgetsAComponent: "sample_component",
    DrawsOneDimension: "sample_component",
    DrawsComponentsFromOneSeed: "seeds",
    SumsOverTheBatchInTraining: "log_prob_in_training",
    TrainsOnSomethingElse: "log_prob_in_training",
    LeavesOutWithoutNormalising: "log_prob_in_training",
    PairsWithAnotherExample: "log_prob_in_training",
    LooksAtTheExamples: "traced",
    NamesWhatIsNoOption: "live_options",
    ForgetsTheComma: "live_options",
    KeepsItElsewhere: "live_options",
    SavesTheFirstValue: "live_options",
}

NETWORKS = {NetworkThatNamesWhatIsNoOption: "live_options"}


class WiderNormal(StandardNormal):
    """N(0, 4 I), beside the closed form of its base, which the model leaves alone."""

    def log_prob(
        self, latent: Any, components: Any = None, seed: Any = None, training: bool = False
    ) -> Any:
        size = self.context.prior_dim
        return super().log_prob(0.5 * latent) - size * math.log(2.0)

    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        return 2.0 * super().sample(num_samples, seed=seed)


class RepeatsEachExample(Bernoulli):
    def log_prob_of_draws(self, value: Any, parameters: Any, num_samples: int) -> Any:
        return self.log_prob(ops.repeat(value, num_samples, axis=0), parameters)


class KeepsDrawsApart(Bernoulli):
    def log_prob_of_draws(self, value: Any, parameters: Any, num_samples: int) -> Any:
        return ops.reshape(
            super().log_prob_of_draws(value, parameters, num_samples), (num_samples, -1)
        )


class CrossEntropy(Bernoulli):
    """Its draws are scored whatever the values are."""

    def log_prob_of_draws(self, value: Any, parameters: Any, num_samples: int) -> Any:
        value = ops.tile(value, (num_samples, *(1 for _ in value.shape[1:])))
        axes = tuple(range(1, len(value.shape)))
        return ops.sum(value * parameters - self.log_sum(parameters), axis=axes)

    def log_sum(self, parameters: Any) -> Any:
        return ops.softplus(parameters)


class OverflowsInDraws(CrossEntropy):
    value_range = (None, None)

    def log_sum(self, parameters: Any) -> Any:
        return ops.log1p(ops.exp(parameters))


class ForgetsItsScaleInDraws(Gaussian):
    def __init__(self, variance: str = "learned", **kwargs: Any) -> None:
        super().__init__(variance, **kwargs)

    def log_prob_of_draws(self, value: Any, parameters: Any, num_samples: int) -> Any:
        unit = DiagonalNormal(parameters.mean, ops.zeros_like(parameters.mean))
        return super().log_prob_of_draws(value, unit, num_samples)


class ForgetsItsScaleInBoth(Gaussian):
    def __init__(self, variance: str = "learned", **kwargs: Any) -> None:
        super().__init__(variance, **kwargs)

    def log_prob_and_error(self, value: Any, parameters: Any) -> Any:
        unit = DiagonalNormal(parameters.mean, ops.zeros_like(parameters.mean))
        return self.log_prob(value, unit), self.reconstruction_error(value, parameters)


class RoundsDraws(Gaussian):
    def log_prob_of_draws(self, value: Any, parameters: Any, num_samples: int) -> Any:
        draws = super().log_prob_of_draws(value, parameters, num_samples)
        return ops.cast(draws, self.compute_dtype)


class BranchesInDraws(Bernoulli):
    def log_prob_of_draws(self, value: Any, parameters: Any, num_samples: int) -> Any:
        value = value if float(ops.max(value)) < 5.0 else 0.0 * value
        return super().log_prob_of_draws(value, parameters, num_samples)


LIKELIHOODS = {
    RepeatsEachExample: "log_prob_of_draws",
    KeepsDrawsApart: "log_prob_of_draws",
    CrossEntropy: "log_prob_of_draws",
    OverflowsInDraws: "log_prob_of_draws",
    ForgetsItsScaleInDraws: "log_prob_of_draws",
    ForgetsItsScaleInBoth: "joint",
    RoundsDraws: "precision",
    BranchesInDraws: "traced",
}


class BoundsTheSquaredError(Bernoulli):
    """It replaces one method of two, so that the model leaves the shortcut of its base alone."""

    def reconstruction_error(self, value: Any, parameters: Any) -> Any:
        difference = value - ops.sigmoid(parameters)
        return ops.sum(ops.square(difference), axis=tuple(range(1, len(value.shape))))


class EncodesHalf(BottomUp):
    def encode_examples(self, inputs: Any) -> Any:
        return super().encode_examples(0.5 * inputs)


class FoldsEncodedFirst(BottomUp):
    def infer_encoded(
        self, encoded: Any, num_samples: int = 1, sample: bool = True, seed: Any = None
    ) -> InferencePass:
        folded = DiagonalNormal(
            ops.repeat(encoded.mean, num_samples, axis=0),
            ops.repeat(encoded.log_variance, num_samples, axis=0),
        )
        return super().infer_encoded(folded, 1, sample, seed)


class AlwaysDrawsEncoded(BottomUp):
    def infer_encoded(
        self, encoded: Any, num_samples: int = 1, sample: bool = True, seed: Any = None
    ) -> InferencePass:
        return super().infer_encoded(encoded, num_samples, True, seed)


class DrawsEncodedFromOneSeed(BottomUp):
    def infer_encoded(
        self, encoded: Any, num_samples: int = 1, sample: bool = True, seed: Any = None
    ) -> InferencePass:
        return super().infer_encoded(encoded, num_samples, sample, 3)


class ForgetsThatItIsTopDown(TopDown):
    def infer_encoded(self, *args: Any, **kwargs: Any) -> InferencePass:
        outcome = super().infer_encoded(*args, **kwargs)
        return change_levels(outcome, lambda level: replace(level, top_down=False))


class DecodesTheMeansOfEncoded(BottomUp):
    def infer_encoded(self, *args: Any, **kwargs: Any) -> InferencePass:
        outcome = super().infer_encoded(*args, **kwargs)
        means = [level.posterior.mean for level in outcome.levels]
        return replace(outcome, features=self.decode(means))


class BranchesOnEncoded(BottomUp):
    def encode_examples(self, inputs: Any) -> Any:
        return super().encode_examples(inputs if float(ops.max(inputs)) < 1e6 else -inputs)


SCHEMES = {
    EncodesHalf: "infer_encoded",
    FoldsEncodedFirst: "infer_encoded",
    AlwaysDrawsEncoded: "infer_encoded",
    DrawsEncodedFromOneSeed: "seeds",
    ForgetsThatItIsTopDown: "infer_encoded",
    DecodesTheMeansOfEncoded: "infer_encoded",
    BranchesOnEncoded: "traced",
}


class InfersFromHalf(BottomUp):
    """It replaces `infer`, so that the model leaves the two stages of its base alone."""

    def infer(
        self, inputs: Any, pseudo_inputs: Any = None, *args: Any, **kwargs: Any
    ) -> InferencePass:
        pseudo_inputs = None if pseudo_inputs is None else 0.5 * pseudo_inputs
        return super().infer(0.5 * inputs, pseudo_inputs, *args, **kwargs)

    def encode_components(self, pseudo_inputs: Any, seed: Any = None) -> DiagonalNormal:
        return super().encode_components(0.5 * pseudo_inputs, seed)
