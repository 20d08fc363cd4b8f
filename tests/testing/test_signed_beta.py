import pytest
from keras import ops

from hiervae.schedulers import Scheduler
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


def test_a_scheduler_may_allow_a_negative_beta():
    check_scheduler(Signed)


@pytest.mark.parametrize(
    ("scheduler", "check"), [(Unsaid, "initial_state"), (UnsaidLater, "update")]
)
def test_a_negative_beta_is_refused_where_it_is_not_allowed(scheduler, check):
    with pytest.raises(ConformanceError, match="allows_negative_beta = True") as caught:
        check_scheduler(scheduler)
    assert caught.value.check == check
