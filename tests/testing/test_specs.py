"""What the checks accept, what they leave alone, and what they say."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

import hiervae.random
from hiervae import testing
from hiervae.errors import (
    HiervaeError,
    IncompatiblePluginError,
    UnknownPluginError,
)
from hiervae.likelihoods import Likelihood
from hiervae.schedulers import Scheduler
from hiervae.schedulers.linear_warmup import LinearWarmup
from hiervae.testing import (
    ConformanceError,
    check_likelihood,
    check_network,
    check_prior,
    check_scheduler,
)
from hiervae.testing.subject import Subject
from hiervae.utils.constructors import option_names

from .broken_networks import ReturnsNothing, TakesAnotherArgument
from .broken_priors import DoesNotKnowTraining, IgnoresTheSeed, SwapsArguments
from .broken_schedulers import (
    GoodScheduler,
    HasNoBeta,
    KeepsANumPyNumber,
    KeepsInfinity,
    ReturnsAFloat,
)


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        ("linear_warmup", {"steps": 4}),
        ("hiervae:linear_warmup", {"steps": 4}),
        ({"name": "linear_warmup", "steps": 4}, {}),
        ({"name": "linear_warmup", "start": 0.5}, {"steps": 4}),
        (LinearWarmup, {"steps": 4}),
        (LinearWarmup(steps=4), {}),
    ],
)
def test_a_name_a_config_a_class_or_an_instance(spec: object, options: dict[str, float]) -> None:
    subject = Subject("hiervae.schedulers", Scheduler, spec, options)
    assert subject.fresh().get_config()["steps"] == 4
    assert subject.part == "check_scheduler(LinearWarmup)"


def test_an_instance_is_left_alone() -> None:
    prior = IgnoresTheSeed(num_components=2)
    with pytest.raises(ConformanceError, match="failed the check 'seeds'"):
        check_prior(prior)
    assert not prior.built
    assert not prior.weights
    with pytest.raises(RuntimeError, match="prepare"):
        _ = prior.context


def test_options_beside_an_instance_are_refused() -> None:
    with pytest.raises(ValueError, match="rate"):
        check_scheduler(GoodScheduler(), rate=0.5)


def test_what_is_no_part_is_refused_by_the_registry() -> None:
    with pytest.raises(UnknownPluginError, match="linear_warmup"):
        check_scheduler("linear_warmpu")
    with pytest.raises(IncompatiblePluginError, match="expected a subclass of .*Prior"):
        check_prior(GoodScheduler)
    with pytest.raises(IncompatiblePluginError, match="abstract"):
        check_likelihood(Likelihood)
    with pytest.raises(ValueError, match="kappa"):
        check_scheduler("rewo")


def test_the_error_says_which_check_what_and_how() -> None:
    with pytest.raises(ConformanceError, match="failed the check 'initial_state'") as caught:
        check_scheduler(HasNoBeta)
    error = caught.value
    assert isinstance(error, AssertionError)
    assert isinstance(error, HiervaeError)
    assert error.part == "check_scheduler(HasNoBeta)"
    assert error.check == "initial_state"
    assert "gate_prior" in error.got
    assert "'beta'" in error.expected
    for piece in (error.part, error.check, error.got, error.expected, error.fix):
        assert piece in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_cause_of_an_exception_is_kept() -> None:
    class Fails(GoodScheduler):
        def update(self, state: dict[str, float], signals: object) -> dict[str, float]:
            raise ZeroDivisionError("no such rate")

    with pytest.raises(ConformanceError, match="no such rate") as caught:
        check_scheduler(Fails)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "Fails.update(), test_specs.py" in caught.value.got
    assert caught.value.fix == "That exception is the cause of this one."


def test_an_exception_gets_no_advice_for_another_failure() -> None:
    class Fails(IgnoresTheSeed):
        def log_prob(self, latent: Any, *args: Any, **kwargs: Any) -> Any:
            return len(5)  # type: ignore[arg-type]

    with pytest.raises(ConformanceError, match="has no len") as caught:
        check_prior(Fails)
    assert caught.value.check == "log_prob"
    assert "Fails.log_prob(), test_specs.py" in caught.value.got
    assert "Sum over" not in str(caught.value)


@pytest.mark.parametrize(
    ("check", "part", "got", "expected"),
    [
        (check_prior, DoesNotKnowTraining, "without the argument 'training'", "training=False"),
        (check_prior, SwapsArguments, "'components' at another position", "components=None, seed"),
        (check_network, TakesAnotherArgument, "argument: 'units'", "(input_shapes, event_shape)"),
        (check_network, ReturnsNothing, "data_block() that returned None", "a Keras layer"),
        (check_scheduler, ReturnsAFloat, "beta = 0.5 of type float", "convert_to_tensor"),
        (check_scheduler, KeepsANumPyNumber, "get_config()['rate'] = np.float32(0.5)", "JSON"),
        (check_scheduler, KeepsInfinity, "get_config()['rate'][1] = inf", "finite"),
    ],
)
def test_what_is_wrong_is_named(check: Any, part: type, got: str, expected: str) -> None:
    with pytest.raises(ConformanceError, match=re.escape(got)) as caught:
        check(part)
    assert got in caught.value.got
    assert expected in caught.value.expected


def test_option_names_follow_the_bases() -> None:
    class Base:
        def __init__(self, width: int, *, depth: int = 1) -> None: ...

    class Open(Base):
        def __init__(self, height: int, **kwargs: int) -> None: ...

    class Closed(Open):
        def __init__(self, length: int) -> None: ...

    assert option_names(Open) == ["height", "width", "depth"]
    assert option_names(Closed) == ["length"]
    assert option_names(IgnoresTheSeed) == ["num_components", "name", "trainable", "dtype"]


def test_noise_injection_is_the_package_s_own() -> None:
    assert testing.inject_noise is hiervae.random.inject_noise
