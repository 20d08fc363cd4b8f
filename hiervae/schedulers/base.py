"""The base of all beta schedulers."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from hiervae.types import Config, Signals, Tensor

SUSPECT_BETA = 100.0


class Scheduler(abc.ABC):
    """A pure rule for beta, run inside the compiled training step.

    The state is a small dict of scalars. It must hold `beta`; it may hold `constraint` (the running
    average that is logged), `phase` (0 in an initial phase, 1 in the main phase; logged) and one
    `gate_<group>` for each group in `gates`. A gate of 0 holds the group's weights and their
    optimiser state exactly where they are for this step, 1 lets them move.

    Attributes:
        interface_version: version of the extension interface the class was written for.
        gates: groups of weights the rule may hold: "prior", "inference", "likelihood".
        allows_negative_beta: whether beta may fall below 0, so that the KL is raised, as a rule for
            the distance of the KL from a target needs it.
        alternatives: groups of options of which one alone is given. Where settings are laid over
            others, one of a group replaces the rest.
    """

    interface_version: ClassVar[int] = 1
    gates: ClassVar[tuple[str, ...]] = ()
    allows_negative_beta: ClassVar[bool] = False
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = ()

    @abc.abstractmethod
    def initial_state(self) -> dict[str, float]:
        """The state before the first step; its keys never change."""

    @abc.abstractmethod
    def update(self, state: dict[str, Tensor], signals: Signals) -> dict[str, Tensor]:
        """The state that governs this step, from the last one and what the step measured.

        Args:
            state: float32 scalars under the keys of `initial_state`.
            signals: what the step measured, before its loss is formed.
        """

    def numbers(self) -> dict[str, float]:
        """Settings that are inputs of the compiled step, and no constants in it; by default none.

        `update` takes them from `numbers_in(signals)`.
        """
        return {}

    def compiled_config(self) -> Config:
        """What of the configuration the compiled step depends on; all of it by default.

        Rules of one class that return the same share a compiled step. It is asked of the class
        that defines it alone, since `update` of a subclass may compute with other settings.
        """
        return self.get_config()

    def numbers_in(self, signals: Signals) -> Mapping[str, Tensor]:
        """The inputs that the step gives for `numbers()`, or these themselves without a step."""
        return signals.numbers or cast("Mapping[str, Tensor]", self.numbers())

    def bound(self, num_dimensions: int) -> float | None:
        """Bound that the rule puts on the reconstruction error; None, the default, for no bound.

        Args:
            num_dimensions: number of scalars in an example.

        Returns:
            Total nats per example, as figures of the constraint show it.
        """
        return None

    def unfinished(self, logs: dict[str, float], num_dimensions: int) -> str | None:
        """Why a training that is over did not leave the rule's initial phase, and what to change.

        Args:
            logs: the last epoch's `beta`, `constraint` and `phase`, and `step`, the training steps
                so far.
            num_dimensions: number of scalars in an example.

        Returns:
            A line or two for the user; None, the default, where nothing is to be said.
        """
        return None

    @abc.abstractmethod
    def get_config(self) -> Config:
        """Constructor arguments, JSON-serialisable."""

    @classmethod
    def from_config(cls, config: Config) -> Scheduler:
        """Rebuild from `get_config()`."""
        return cls(**config)

    def on_epoch_end(self, state: dict[str, float], logs: dict[str, Any]) -> dict[str, float]:
        """A decision taken in Python after an epoch, from its logs; by default none.

        Args:
            state: the state's values at the end of the epoch.
            logs: the epoch's metrics, validation included.

        Returns:
            The state the next epoch starts from, under the same keys.
        """
        return state

    def diagnose(self, state: dict[str, float]) -> str | None:
        """What this rule may have to do with a loss that became NaN or infinite.

        Args:
            state: the state's values at that time.

        Returns:
            A line for the error's message that says what to change; None where beta is not
            suspect. By default beta is, where it is not finite or above 100.
        """
        beta = state["beta"]
        if math.isfinite(beta) and beta <= SUSPECT_BETA:
            return None
        return (
            f"beta, the weight of the KL, is {beta:.3g} under {type(self).__name__}; expected a "
            "finite number not far above 1. Choose other settings of the scheduler."
        )
