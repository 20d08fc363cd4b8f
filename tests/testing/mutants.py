"""Parts with one fault each that one check alone catches."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from keras import ops

from hiervae import random
from hiervae.likelihoods.bernoulli import Bernoulli
from hiervae.likelihoods.gaussian import Gaussian
from hiervae.priors import Prior
from hiervae.schedulers import Scheduler


class Normal(Prior):
    """A standard normal without a closed form, which keeps the contract."""

    @property
    def is_exact(self) -> bool:
        return True

    def log_prob(
        self, latent: Any, components: Any = None, seed: Any = None, training: bool = False
    ) -> Any:
        return -0.5 * ops.sum(ops.square(latent) + np.log(2.0 * np.pi), axis=-1)

    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        return random.normal((num_samples, self.context.prior_dim), seed)


class LooksAtATensor(Normal):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        if ops.max(ops.abs(latent)) > 1e6:
            latent = latent / 1.0
        return super().log_prob(latent)


class LooksAtADraw(Normal):
    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        draws = super().sample(num_samples, seed=seed)
        return draws if float(ops.max(draws)) < 1e6 else -draws


class ClipsLatents(Normal):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return super().log_prob(ops.clip(latent, -6.0, 6.0))


class WeighsByPlace(Normal):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        odd = ops.cast(ops.arange(ops.shape(latent)[0]) % 2, "float32")
        return super().log_prob(latent) + ops.log(0.9 + 0.2 * odd)


class KeepsWhatItSees(Normal):
    seen: ClassVar[list[Any]] = []

    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        self.seen.append(latent)
        return super().log_prob(latent)


class ComputesInHalf(Normal):
    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        latent = ops.cast(latent, self.compute_dtype)
        return ops.cast(super().log_prob(latent), "float32")


class KeepsItsScaleElsewhere(Normal):
    scales: ClassVar[dict[str, float]] = {}

    def __init__(self, key: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.key = key or f"scale_{len(self.scales)}"
        if key is None:
            self.scales[self.key] = 1.0
        self.own_scale = self.scales[self.key]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "key": self.key}


class ScoresGreys(Bernoulli):
    """Its log_prob of 0.5 is a number, as that of a count's log-gamma function would be."""

    def log_prob(self, value: Any, parameters: Any) -> Any:
        axes = tuple(range(1, len(value.shape)))
        return ops.sum(value * parameters - ops.softplus(parameters), axis=axes)

    def log_prob_of_draws(self, value: Any, parameters: Any, num_samples: int) -> Any:
        value = ops.tile(value, (num_samples, *(1 for _ in value.shape[1:])))
        return self.log_prob(value, parameters)


class AcceptsGreys(Bernoulli):
    """It gives them no probability, but lets them into a training."""

    def check_values(self, values: Any) -> None:
        super(Bernoulli, self).check_values(values)


class ClipsValues(Gaussian):
    def log_prob(self, value: Any, parameters: Any) -> Any:
        return super().log_prob(ops.clip(value, -12.0, 12.0), parameters)


class ReturnsHalfAsMean(Bernoulli):
    def mean(self, parameters: Any) -> Any:
        return ops.cast(super().mean(parameters), self.compute_dtype)


class CountsEpochs(Scheduler):
    """Its beta depends on how many epochs this instance has seen."""

    def __init__(self) -> None:
        self.epochs = 0

    def initial_state(self) -> dict[str, float]:
        return {"beta": 0.5}

    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        return {"beta": 0.1 * self.epochs + 0.0 * state["beta"]}

    def on_epoch_end(self, state: dict[str, float], logs: dict[str, float]) -> dict[str, float]:
        self.epochs += 1
        return state

    def get_config(self) -> dict[str, Any]:
        return {}


class BranchesOnTheError(CountsEpochs):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        beta = ops.convert_to_tensor(state["beta"])
        return {"beta": beta if signals.constraint > 1.0 else 0.5 * beta}

    def on_epoch_end(self, state: dict[str, float], logs: dict[str, float]) -> dict[str, float]:
        return state


class SamplesFarAway(Normal):
    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        return super().sample(num_samples, seed=seed) + 40.0


class ForgetsTheLogDeterminant(Normal):
    """z = 2 u, u standard normal."""

    def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
        return super().log_prob(0.5 * latent)

    def sample(self, num_samples: int, components: Any = None, seed: Any = None) -> Any:
        return 2.0 * super().sample(num_samples, seed=seed)


CAUGHT_BY = {
    LooksAtATensor: "traced",
    LooksAtADraw: "traced",
    BranchesOnTheError: "traced",
    ClipsLatents: "tails",
    ClipsValues: "tails",
    WeighsByPlace: "order",
    KeepsWhatItSees: "memory",
    ComputesInHalf: "precision",
    ReturnsHalfAsMean: "precision",
    KeepsItsScaleElsewhere: "process",
    ScoresGreys: "support",
    AcceptsGreys: "support",
    CountsEpochs: "resumption",
}
