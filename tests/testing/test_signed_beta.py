import pytest
from keras import ops

from hiervae.schedulers import Scheduler
from hiervae.schedulers.constant import Constant
from hiervae.testing import ConformanceError, check_scheduler


class Signed(Scheduler):
    """Raise the KL in every step."""

    allows_negative_beta = True

    def initial_state(self):
        return {"beta": -2.0}

    def update(self, state, signals):
        return {"beta": -ops.ones_like(signals.kl)}

    def get_config(self):
        return {}


class Unsaid(Signed):
    """The same without saying so."""

    allows_negative_beta = False


class UnsaidLater(Unsaid):
    """A beta that is negative from the first update on."""

    def initial_state(self):
        return {"beta": 1.0}


class UnsaidAtTheEnd(UnsaidLater):
    """A beta that is negative after an epoch."""

    def update(self, state, signals):
        return {"beta": state["beta"]}

    def on_epoch_end(self, state, logs):
        return {"beta": -state["beta"]}


class Halving(Constant):
    """A beta that depends on the validation loss."""

    def initial_state(self):
        return {**super().initial_state(), "best": 1e30}

    def on_epoch_end(self, state, logs):
        if logs["val_loss"] < state["best"]:
            return {**state, "best": logs["val_loss"]}
        return {**state, "beta": state["beta"] / 2}


def test_a_scheduler_may_depend_on_the_validation_loss():
    check_scheduler(Halving)


def test_a_scheduler_may_allow_a_negative_beta():
    check_scheduler(Signed)


@pytest.mark.parametrize(
    ("scheduler", "check"),
    [(Unsaid, "initial_state"), (UnsaidLater, "update"), (UnsaidAtTheEnd, "epoch_end")],
)
def test_a_negative_beta_is_refused_where_it_is_not_allowed(scheduler, check):
    with pytest.raises(ConformanceError, match="allows_negative_beta = True") as caught:
        check_scheduler(scheduler)
    assert caught.value.check == check
