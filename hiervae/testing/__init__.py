"""Conformance checks for the authors of plugins, and noise injection.

One call checks a part of one kind against the whole contract of that kind, on the active backend,
by itself and composed into a model. A part that does not keep it raises `ConformanceError`, which
names the check that failed, what it got and what it expected.

Example:
    >>> from hiervae import testing
    >>> testing.check_scheduler("constant", beta=0.5)
"""

from hiervae.random import inject_noise
from hiervae.testing.backends import check_on_another_backend, other_backends
from hiervae.testing.error import ConformanceError
from hiervae.testing.inference import check_inference
from hiervae.testing.likelihoods import check_likelihood
from hiervae.testing.networks import check_network
from hiervae.testing.parametrize import list_checks, parametrize_with_checks
from hiervae.testing.priors import check_prior
from hiervae.testing.schedulers import check_scheduler

__all__ = [
    "ConformanceError",
    "check_inference",
    "check_likelihood",
    "check_network",
    "check_on_another_backend",
    "check_prior",
    "check_scheduler",
    "inject_noise",
    "list_checks",
    "other_backends",
    "parametrize_with_checks",
]
