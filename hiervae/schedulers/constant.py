"""A constant beta."""

from __future__ import annotations

from hiervae.schedulers.base import Scheduler
from hiervae.types import Config, Signals, Tensor
from hiervae.utils.validation import check_number_between


class Constant(Scheduler):
    """beta stays where it is; 1 is the ELBO, other values the beta-VAE.

    Args:
        beta: the weight of the KL, from 0.

    Raises:
        ValueError: if beta is negative or not finite.
    """

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = check_number_between("beta", beta, 0.0, 1e30)

    def initial_state(self) -> dict[str, float]:
        """The scalar beta alone."""
        return {"beta": self.beta}

    def update(self, state: dict[str, Tensor], signals: Signals) -> dict[str, Tensor]:
        """The same state."""
        return state

    def compiled_config(self) -> Config:
        """Nothing, since beta is in the state."""
        return {}

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {"beta": self.beta}
