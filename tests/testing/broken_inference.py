"""Inference schemes that break the contract, by the check that has to catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keras import ops

from hiervae.distributions import DiagonalNormal
from hiervae.inference.bottom_up import BottomUp
from hiervae.inference.ladder import Ladder
from hiervae.inference.passes import InferencePass, Level
from hiervae.networks.normal_head import NormalHead


class Altered(BottomUp):
    """Bottom-up inference with something done to the outcome of a pass."""

    def alter(self, outcome: InferencePass) -> InferencePass:
        return outcome

    def infer(self, *args: Any, **kwargs: Any) -> InferencePass:
        return self.alter(super().infer(*args, **kwargs))


def change_levels(outcome: InferencePass, change: Callable[[Level], Level]) -> InferencePass:
    return replace(outcome, levels=tuple(change(level) for level in outcome.levels))


class FoldsExamplesFirst(BottomUp):
    def infer(self, inputs: Any, *args: Any, num_samples: int = 1, **kwargs: Any) -> InferencePass:
        return super().infer(ops.repeat(inputs, num_samples, axis=0), *args, **kwargs)


class MixesTheBatch(BottomUp):
    def infer(self, inputs: Any, *args: Any, **kwargs: Any) -> InferencePass:
        return super().infer(inputs + ops.mean(inputs, axis=0), *args, **kwargs)


class LosesALevel(Altered):
    def alter(self, outcome: InferencePass) -> InferencePass:
        return replace(outcome, levels=outcome.levels[:1] * 2)


class NamesNoStructure(BottomUp):
    structure = "stack"  # type: ignore[assignment]


class HasNoConditionalPrior(Altered):
    def alter(self, outcome: InferencePass) -> InferencePass:
        return change_levels(outcome, lambda level: replace(level, conditional_prior=None))


class ComparesWithTheStandardNormal(Altered):
    def alter(self, outcome: InferencePass) -> InferencePass:
        def change(level: Level) -> Level:
            if level.conditional_prior is None:
                return level
            zeros = ops.zeros_like(level.latent)
            return replace(level, conditional_prior=DiagonalNormal(zeros, zeros))

        return change_levels(outcome, change)


class ClaimsAClosedForm(Altered):
    def alter(self, outcome: InferencePass) -> InferencePass:
        return change_levels(outcome, lambda level: replace(level, top_down=True))


class DrawsWithTheVariance(BottomUp):
    @staticmethod
    def draw(posterior: DiagonalNormal, sample: bool, seed: Any) -> Any:
        wrong = DiagonalNormal(posterior.mean, 2.0 * posterior.log_variance)
        return wrong.sample(seed) if sample else posterior.mean


class AlwaysDraws(BottomUp):
    @staticmethod
    def draw(posterior: DiagonalNormal, sample: bool, seed: Any) -> Any:
        return posterior.sample(1 if seed is None else seed)


class NeverDraws(BottomUp):
    @staticmethod
    def draw(posterior: DiagonalNormal, sample: bool, seed: Any) -> Any:
        return posterior.mean


class DrawsFromOneSeed(BottomUp):
    @staticmethod
    def draw(posterior: DiagonalNormal, sample: bool, seed: Any) -> Any:
        return posterior.sample(3) if sample else posterior.mean


class DecodesMeans(Altered):
    def alter(self, outcome: InferencePass) -> InferencePass:
        means = [level.posterior.mean for level in outcome.levels]
        return replace(outcome, features=self.decode(means))


class ForgetsComponents(Altered):
    def alter(self, outcome: InferencePass) -> InferencePass:
        return replace(outcome, components=None)


class EncodesOtherComponents(BottomUp):
    def encode_components(self, pseudo_inputs: Any, seed: Any = None) -> DiagonalNormal:
        return super().encode_components(0.5 * pseudo_inputs, seed)


class DoesNotSayThatItDraws(BottomUp):
    def components_are_drawn(self, num_levels: int) -> bool:
        return False


class SaysThatALadderDraws(Ladder):
    def components_are_drawn(self, num_levels: int) -> bool:
        return True


class ShowsAnotherConditionalPrior(BottomUp):
    """The passes use the right one."""

    within = False

    def _inside(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.within = True
        try:
            return call(*args, **kwargs)
        finally:
            self.within = False

    def infer(self, *args: Any, **kwargs: Any) -> InferencePass:
        return self._inside(super().infer, *args, **kwargs)

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        return self._inside(super().generate, *args, **kwargs)

    def conditional_prior(self, above: Any, training: bool = False) -> DiagonalNormal:
        right = super().conditional_prior(above, training)
        return right if self.within else DiagonalNormal(right.mean, right.log_variance + 1.0)


class ScalesTheComponentsOfALadder(Ladder):
    def encode_components(self, pseudo_inputs: Any, seed: Any = None) -> DiagonalNormal:
        return super().encode_components(0.5 * pseudo_inputs, seed)


class ForgetsTheGivenLatent(BottomUp):
    def generate(self, latent: Any, sample: bool = True, seed: Any = None) -> Any:
        return super().generate(0.5 * latent, sample, seed)


class GeneratesFromOneSeed(BottomUp):
    def generate(self, latent: Any, sample: bool = True, seed: Any = None) -> Any:
        return super().generate(latent, sample, 3)


class DoesNotBoundVariances(Altered):
    def alter(self, outcome: InferencePass) -> InferencePass:
        def change(level: Level) -> Level:
            wide = level.posterior.log_variance + ops.square(level.posterior.mean) * 1e32
            return replace(level, posterior=DiagonalNormal(level.posterior.mean, wide))

        return change_levels(outcome, change)


class HasADeadHead(BottomUp):
    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.unused = NormalHead(2, name="unused")
        self.unused.build((None, 3))


class BuildsAHeadLate(Altered):
    def alter(self, outcome: InferencePass) -> InferencePass:
        self.late = NormalHead(2, name="late")
        self.late.build((None, 3))
        return outcome


class RoundsItsShiftInTheModel(BottomUp):
    """It moves its draws by the sum of a weight, which is zero at the start."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.shift = self.add_weight(shape=(4,), initializer="zeros", autocast=True, name="shift")

    def draw(self, posterior: DiagonalNormal, sample: bool, seed: Any) -> Any:
        shift = ops.cast(ops.convert_to_tensor(self.shift), "float32")
        return BottomUp.draw(posterior, sample, seed) + ops.sum(shift)


class ForgetsItsBounds(BottomUp):
    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["log_variance_bounds"]
        return config


BROKEN = {
    FoldsExamplesFirst: "folding",
    MixesTheBatch: "folding",
    LosesALevel: "levels",
    NamesNoStructure: "build",
    HasNoConditionalPrior: "levels",
    ComparesWithTheStandardNormal: "conditional_prior",
    ClaimsAClosedForm: "kl",
    DrawsWithTheVariance: "draws",
    AlwaysDraws: "draws",
    NeverDraws: "draws",
    DrawsFromOneSeed: "seeds",
    DecodesMeans: "features",
    ForgetsComponents: "components",
    EncodesOtherComponents: "components",
    DoesNotSayThatItDraws: "components",
    SaysThatALadderDraws: "components",
    ShowsAnotherConditionalPrior: "conditional_prior",
    ScalesTheComponentsOfALadder: "components",
    ForgetsTheGivenLatent: "generate",
    GeneratesFromOneSeed: "seeds",
    DoesNotBoundVariances: "extremes",
    RoundsItsShiftInTheModel: "precision",
    BuildsAHeadLate: "state",
    ForgetsItsBounds: "config",
    HasADeadHead: "gradients",
}
