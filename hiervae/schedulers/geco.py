"""GECO, the generalised ELBO with constrained optimisation."""

from __future__ import annotations

from keras import ops

from hiervae.schedulers.constrained import ConstrainedScheduler
from hiervae.types import Config, Signals, Tensor


class GECO(ConstrainedScheduler):
    """beta_t = beta_{t-1} exp(-nu d_t) (Rezende & Viola 2018; Klushyn et al. 2019, Eq. 5).

    Arguments as in `ConstrainedScheduler`; beta starts at 1 by default and stays in [1e-8, 1e6].
    """

    def direction(self, beta: Tensor, violation: Tensor, signals: Signals) -> Tensor:
        """-1 whether or not the constraint holds."""
        return -ops.ones_like(violation)

    def follow(
        self, state: dict[str, Tensor], signals: Signals, bound: Tensor | float
    ) -> dict[str, Tensor]:
        """C-hat, then beta with it."""
        constraint = self.average(state, signals)
        violation = self.violation(constraint, signals, bound)
        return {
            "beta": self.step_beta(state["beta"], violation, signals),
            "constraint": constraint,
            "started": self.started(state, signals),
        }

    def compiled_config(self) -> Config:
        """The choices, without the numbers."""
        return self.choices()
