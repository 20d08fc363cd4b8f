"""Conformance of a scheduler."""

from __future__ import annotations

from typing import Any

from hiervae.callbacks import BetaController
from hiervae.model import HierarchicalVAE
from hiervae.schedulers.base import Scheduler
from hiervae.testing import scheduler_rule
from hiervae.testing.composition import reload, train
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import EVENT_SHAPE, binary_examples, numpy, small_model


def check_scheduler(scheduler: Any, **options: Any) -> None:
    """Check a scheduler against the whole contract of `hiervae.schedulers.Scheduler`.

    By itself: `signature` (methods take the arguments of the base class), `config` (get_config() is
    complete, JSON, and survives a round trip), `initial_state` (finite numbers, `beta` among them),
    `gates` (known groups, one scalar each), `update` (the keys of the initial state, scalars, beta
    finite and not negative over small and large errors, gates 0 or 1), `purity` (the same input
    gives the same output; nothing is changed), `epoch_end`. In a model: `fit` (in the compiled
    step) and `saving` (its state comes back, and the rule goes on from it).

    Args:
        scheduler: a name, a config, a class or an instance.
        **options: constructor arguments beside a name, a config or a class.

    Raises:
        ConformanceError: if a check fails; `check` names it.
        RegistryError: if the name stands for no scheduler, or for several.
        IncompatiblePluginError: if the class is abstract, no scheduler, or of another interface.
        ValueError: if the scheduler refuses an option.

    Example:
        >>> check_scheduler("linear_warmup", epochs=10)
    """
    subject = Subject("hiervae.schedulers", Scheduler, scheduler, options)
    with subject.scope():
        rule = subject.fresh()
        state = scheduler_rule.check_initial_state(subject, rule)
        scheduler_rule.check_gates(subject, rule, state)
        scheduler_rule.check_update(subject, rule, state)
        scheduler_rule.check_purity(subject, rule, state)
        scheduler_rule.check_epoch_end(subject, rule, state)
        examples = binary_examples(24, EVENT_SHAPE)
        model = small_model()
        train(subject, model, examples, [BetaController(rule)])
        _check_saved_state(subject, model)


def _check_saved_state(subject: Subject, model: HierarchicalVAE) -> None:
    fix = "Let get_config() keep all options; it tells whether a rule goes on where it was."
    with subject.check("saving", fix, fix_suits_exceptions=True) as check:
        loaded = reload(subject, model)
        kept, again = (numpy(control.values) for control in (model.control, loaded.control))
        check.require_close("the state after loading", again, kept, 0.0)
        BetaController(subject.fresh()).set_model(loaded)
        check.require_close("the state after resuming", numpy(loaded.control.values), kept, 0.0)
