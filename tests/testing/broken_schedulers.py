"""Schedulers that break the contract, by the check that has to catch it."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from hiervae.schedulers import Scheduler


class GoodScheduler(Scheduler):
    """beta halves the way to 1 at each step; holds the prior in the first step.

    Arguments that are passed by position may have names of their own.
    """

    gates = ("prior",)

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = rate

    def initial_state(self) -> dict[str, float]:
        return {"beta": 0.0, "gate_prior": 0.0}

    def update(self, last: dict[str, Any], measured: Any) -> dict[str, Any]:
        beta = last["beta"] + self.rate * (1.0 - last["beta"])
        return {"beta": beta, "gate_prior": ops.cast(measured.step > 1.0, "float32")}

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate}


class HasNoBeta(GoodScheduler):
    def initial_state(self) -> dict[str, float]:
        return {"gate_prior": 0.0}


class StartsNegative(GoodScheduler):
    def initial_state(self) -> dict[str, float]:
        return {"beta": -1.0, "gate_prior": 0.0}


class StartsWithAnArray(GoodScheduler):
    def initial_state(self) -> dict[str, Any]:
        return {"beta": np.zeros(2), "gate_prior": 0.0}


class HasTooManyScalars(GoodScheduler):
    def initial_state(self) -> dict[str, float]:
        return {**super().initial_state(), **{f"scalar_{i}": 0.0 for i in range(20)}}


class ClosesAnUnknownGate(GoodScheduler):
    gates = ("prior", "decoder")


class ForgetsTheGate(GoodScheduler):
    gates = ("prior", "inference")


class HidesAGate(GoodScheduler):
    gates = ()


class LosesAKey(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        return {"beta": state["beta"]}


class AddsAKey(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        return {**super().update(state, signals), "extra": state["beta"]}


class ReturnsAVector(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        updated = super().update(state, signals)
        return {**updated, "beta": ops.reshape(updated["beta"], (1,))}


class ReturnsAFloat(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        return {**super().update(state, signals), "beta": 0.5}


class Overflows(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        return {**super().update(state, signals), "beta": ops.exp(signals.constraint)}


class GoesNegative(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        return {**super().update(state, signals), "beta": 1.0 - signals.constraint}


class GoesNegativeUnderALargeKL(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        return {**super().update(state, signals), "beta": 1.0 - 0.01 * signals.kl}


class SharesAStepThatDiffers(GoodScheduler):
    def compiled_config(self) -> dict[str, Any]:
        return {}


class SharesAStepOfOtherScalars(GoodScheduler):
    def initial_state(self) -> dict[str, float]:
        slow = {"slow": 1.0} if self.rate < 0.5 else {}
        return {**super().initial_state(), **slow}

    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        return {**state, **super().update(state, signals), "beta": state["beta"]}

    def compiled_config(self) -> dict[str, Any]:
        return {}


class BoundsByAText(GoodScheduler):
    def bound(self, num_dimensions: int) -> Any:
        return "low"


class BoundsByInfinity(GoodScheduler):
    def bound(self, num_dimensions: int) -> float:
        return float("inf")


class SaysThatItIsUnfinished(GoodScheduler):
    def unfinished(self, logs: dict[str, float], num_dimensions: int) -> Any:
        return logs["phase"] < 1.0


class ReadsALogThatIsNotThere(GoodScheduler):
    def unfinished(self, logs: dict[str, float], num_dimensions: int) -> str:
        return f"The KL is {logs['kl']:g} nats."


class FailsAtABetaThatIsNotFinite(GoodScheduler):
    def diagnose(self, state: dict[str, float]) -> str | None:
        return f"beta has {len(str(int(state['beta'])))} digits."


class SaysNothing(GoodScheduler):
    def diagnose(self, state: dict[str, float]) -> str | None:
        return ""


class HalfOpensTheGate(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        return {**super().update(state, signals), "gate_prior": 0.5 + 0.0 * state["beta"]}


class CountsInPython(GoodScheduler):
    calls = 0

    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        self.calls += 1
        return super().update(state, signals)


class ChangesItsInput(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        state["beta"] = state["beta"] * 0.5
        return super().update(state, signals)


class DrawsNoise(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        noise = np.random.default_rng().random()
        return {**super().update(state, signals), "beta": state["beta"] + noise}


class ForgetsItsRate(GoodScheduler):
    def get_config(self) -> dict[str, Any]:
        return {}


class KeepsANumPyNumber(GoodScheduler):
    def __init__(self, rate: float = 0.5) -> None:
        super().__init__(np.float32(rate))


class KeepsInfinity(GoodScheduler):
    def get_config(self) -> dict[str, Any]:
        return {"rate": [0.5, float("inf")]}


class TakesNoLogs(GoodScheduler):
    def on_epoch_end(self, state: dict[str, float]) -> dict[str, float]:
        return state


class LosesAKeyAtTheEpoch(GoodScheduler):
    def on_epoch_end(self, state: dict[str, float], logs: dict[str, Any]) -> dict[str, float]:
        return {"beta": state["beta"]}


class BranchesOnATensor(GoodScheduler):
    def update(self, state: dict[str, Any], signals: Any) -> dict[str, Any]:
        updated = super().update(state, signals)
        if float(signals.constraint) > 1.0:
            return updated
        return {**updated, "beta": state["beta"]}


BROKEN = {
    HasNoBeta: "initial_state",
    StartsNegative: "initial_state",
    StartsWithAnArray: "initial_state",
    HasTooManyScalars: "initial_state",
    ClosesAnUnknownGate: "gates",
    ForgetsTheGate: "gates",
    HidesAGate: "gates",
    LosesAKey: "update",
    AddsAKey: "update",
    ReturnsAVector: "update",
    ReturnsAFloat: "update",
    Overflows: "update",
    GoesNegative: "update",
    GoesNegativeUnderALargeKL: "update",
    SharesAStepThatDiffers: "compiled_config",
    SharesAStepOfOtherScalars: "compiled_config",
    BoundsByAText: "messages",
    BoundsByInfinity: "messages",
    SaysThatItIsUnfinished: "messages",
    ReadsALogThatIsNotThere: "messages",
    FailsAtABetaThatIsNotFinite: "messages",
    SaysNothing: "messages",
    HalfOpensTheGate: "update",
    CountsInPython: "purity",
    ChangesItsInput: "purity",
    DrawsNoise: "purity",
    ForgetsItsRate: "config",
    KeepsANumPyNumber: "config",
    KeepsInfinity: "config",
    TakesNoLogs: "signature",
    LosesAKeyAtTheEpoch: "epoch_end",
}
