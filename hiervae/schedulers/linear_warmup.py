"""Linear warm-up of beta."""

from __future__ import annotations

from keras import ops

from hiervae.schedulers.base import Scheduler
from hiervae.types import Config, Signals, Tensor
from hiervae.utils.validation import check_number_between, check_rate


class LinearWarmup(Scheduler):
    """beta rises linearly from `start` to 1 (Sønderby et al. 2016, section 2.3).

    With `epochs` beta changes once an epoch and is 1 from epoch number `epochs` on (counted from
    1, so that beta = epoch / epochs as in Tomczak & Welling 2018; one that was interrupted counts);
    with `steps` it changes at every step.

    Args:
        epochs: length of the warm-up in epochs.
        steps: length of the warm-up in training steps (batches); give one of the two.
        start: beta before the first epoch or step.

    Raises:
        ValueError: if neither or both lengths are given, or a number is out of range.
    """

    alternatives = (("epochs", "steps"),)

    def __init__(
        self, epochs: float | None = None, steps: float | None = None, start: float = 0.0
    ) -> None:
        if (epochs is None) == (steps is None):
            raise ValueError(
                f"Received epochs={epochs!r} and steps={steps!r}: expected one of the two, such as "
                "epochs=100."
            )
        self.epochs = None if epochs is None else check_rate("epochs", epochs)
        self.steps = None if steps is None else check_rate("steps", steps)
        self.start = check_number_between("start", start, 0.0, 1.0)

    def initial_state(self) -> dict[str, float]:
        """The start of beta, in phase 0."""
        return {"beta": self.start, "phase": 0.0}

    def update(self, state: dict[str, Tensor], signals: Signals) -> dict[str, Tensor]:
        """Progress by the number of the step or epoch; phase 1 once it has reached 1."""
        numbers = self.numbers_in(signals)
        passed = signals.step if self.epochs is None else signals.epoch
        progress = ops.clip(passed / numbers["length"], 0.0, 1.0)
        phase = ops.cast(progress >= 1.0, "float32")
        return {"beta": numbers["start"] + numbers["rest"] * progress, "phase": phase}

    def numbers(self) -> dict[str, float]:
        """The length in epochs or steps, the start of beta and what is left from there to 1."""
        length = self.steps if self.epochs is None else self.epochs
        return {"length": float(length or 0.0), "start": self.start, "rest": 1.0 - self.start}

    def compiled_config(self) -> Config:
        """What the length is counted in."""
        return {"epochs": self.epochs is not None}

    def get_config(self) -> Config:
        """Constructor arguments."""
        return {"epochs": self.epochs, "steps": self.steps, "start": self.start}
