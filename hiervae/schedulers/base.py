"""The base of all beta schedulers."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

from hiervae.types import Config, Signals, Tensor


class Scheduler(abc.ABC):
    """A pure rule for beta, run inside the compiled training step.

    The state is a small dict of scalars. It must hold `beta`; it may hold `constraint` (the running
    average that is logged), `phase` (0 in an initial phase, 1 in the main phase; logged) and one
    `gate_<group>` for each group in `gates`. A gate of 0 holds the group's weights and their
    optimiser state exactly where they are for this step, 1 lets them move.

    Attributes:
        interface_version: version of the extension interface the class was written for.
        gates: groups of weights the rule may hold: "prior", "inference", "likelihood".
    """

    interface_version: ClassVar[int] = 1
    gates: ClassVar[tuple[str, ...]] = ()

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

    def bound(self, num_dimensions: int) -> float | None:
        """Bound that the rule puts on the reconstruction error; None, the default, for no bound.

        Args:
            num_dimensions: number of scalars in an example.

        Returns:
            Total nats per example, as figures of the constraint show it.
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
