"""Conformance of a scheduler."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any

from keras import ops

from hiervae.callbacks import BetaController
from hiervae.model import HierarchicalVAE
from hiervae.model.control import CAPACITY, NUMBERS, compiled_text
from hiervae.model.gates import GATED_ROLES
from hiervae.schedulers.base import Scheduler
from hiervae.testing.behaviour import check_memory, check_traced
from hiervae.testing.check import Check
from hiervae.testing.composition import reload, train
from hiervae.testing.outcomes import step
from hiervae.testing.process import check_process
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import EVENT_SHAPE, binary_examples, numpy, small_model, tensor
from hiervae.types import Config, Signals

CHECKS = (
    "signature",
    "config",
    "initial_state",
    "gates",
    "update",
    "purity",
    "epoch_end",
    "resumption",
    "compiled_config",
    "messages",
    "traced",
    "memory",
    "fit",
    "state",
    "saving",
    "process",
)
"""The names of the checks, in the order in which they begin."""

STEPS = ((50.0, 2.0), (1e-3, 300.0), (400.0, 0.0), (0.0, 1e-3), (1.0, 40.0))
"""Reconstruction error and KL of successive steps, nats."""

NUM_DIMENSIONS = 4

LOGS = ("loss", "elbo", "reconstruction", "kl", "constraint", "beta", "val_loss", "val_elbo")

State = dict[str, float]


def check_scheduler(scheduler: Any, **options: Any) -> None:
    """Check a scheduler against the whole contract of `hiervae.schedulers.Scheduler`.

    By itself: `signature` (methods take the arguments of the base class), `config` (get_config() is
    complete, JSON, and survives a round trip), `initial_state` (finite numbers, `beta` among them),
    `gates` (known groups, one scalar each), `update` (the keys of the initial state, scalars, beta
    finite and, unless the class says `allows_negative_beta`, not negative over small and large
    errors and KLs, gates 0 or 1), `purity` (the same input gives the same output; nothing is
    changed), `epoch_end`, `resumption` (a rule made anew goes on from the state of another),
    `compiled_config` (rules that share a compiled step differ in `numbers` and state alone),
    `messages` (`bound`, `unfinished` and `diagnose` return what they should, for a beta that is not
    finite too), `traced` (`update` runs on tensors without values), `memory` (nothing is kept of a
    call), `process` (the config means the same in another process). In a model: `fit` (in the
    compiled step) and `saving` (its state comes back, and the rule goes on from it).

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
        state = check_initial_state(subject, rule)
        for check in (
            check_gates,
            check_update,
            check_purity,
            check_epoch_end,
            check_resumption,
            check_compiled_config,
            check_messages,
            check_calls,
        ):
            with step():
                check(subject, rule, state)
        with step():
            model = small_model()
            examples = binary_examples(24, EVENT_SHAPE)
            train(subject, model, examples, [BetaController(rule)], validated=True)
            _check_saved_state(subject, model)
        check_process(subject)


def signals(step: int, error: float = 3.0, kl: float = 2.0) -> Signals:
    """Return what a scheduler sees of a step; two steps are an epoch."""
    return Signals(
        step=tensor(float(step)),
        epoch=tensor(float(1 + step // 2)),
        constraint=tensor(error),
        kl=tensor(kl),
        num_dimensions=float(NUM_DIMENSIONS),
    )


def tensors(state: State) -> dict[str, Any]:
    """Return the state as float32 scalars."""
    return {key: tensor(value) for key, value in state.items()}


def check_initial_state(subject: Subject, rule: Scheduler) -> State:
    """Check and return the state before the first step."""
    fix = "Return a dict of Python numbers with at least 'beta'."
    with subject.check("initial_state", fix) as check:
        state = rule.initial_state()
        check.require(
            isinstance(state, dict) and "beta" in state, f"{state!r}", "a dict with 'beta'"
        )
        for key, value in state.items():
            check.require(
                isinstance(value, (int, float)) and math.isfinite(value),
                f"{key} = {value!r}",
                "a finite number",
            )
        _check_sign(check, rule, state["beta"], f"beta = {state['beta']}")
        size = len({"beta", "constraint", "phase", *state})
        check.require(
            size <= CAPACITY,
            f"{size} scalars",
            f"at most {CAPACITY}, constraint and phase included",
        )
        again = rule.initial_state()
        check.require(again == state, f"{again} when called again", f"{state}")
    return state


def _check_sign(check: Check, rule: Scheduler, beta: float, where: str) -> None:
    """Check that beta is not negative, where the rule does not allow it."""
    check.require(
        rule.allows_negative_beta or beta >= 0.0,
        where,
        "beta >= 0, or allows_negative_beta = True in the class",
    )


def check_gates(subject: Subject, rule: Scheduler, state: State) -> None:
    """Check the groups that the rule may hold."""
    fix = f"Name in `gates` groups of {GATED_ROLES}, and keep a scalar gate_<group> for each."
    with subject.check("gates", fix) as check:
        for group in rule.gates:
            check.require(group in GATED_ROLES, f"the gate {group!r}", f"one of {GATED_ROLES}")
        expected = {f"gate_{group}" for group in rule.gates}
        found = {key for key in state if key.startswith("gate_")}
        check.require(
            found == expected, f"the scalars {sorted(found)}", f"{sorted(expected)}, as in `gates`"
        )


def check_update(subject: Subject, rule: Scheduler, state: State) -> None:
    """Check what the rule makes of small and large errors and KLs."""
    fix = "Return float32 scalars computed in keras.ops; bound what is exponentiated."
    with subject.check("update", fix) as check:
        current, numbers = tensors(state), tensors(rule.numbers())
        check.require(len(numbers) <= NUMBERS, f"{len(numbers)} numbers", f"at most {NUMBERS}")
        for step, (error, kl) in enumerate(STEPS, start=1):
            seen = dataclasses.replace(signals(step, error, kl), numbers=numbers)
            current = rule.update(dict(current), seen)
            check.require(
                current.keys() == state.keys(),
                f"the keys {sorted(current)}",
                f"{sorted(state)}, as in initial_state()",
            )
            for key, value in current.items():
                check.require(
                    ops.is_tensor(value),
                    f"{key} = {value!r} of type {type(value).__name__}",
                    "a tensor, such as keras.ops.convert_to_tensor(value, 'float32') for a number",
                )
                number = float(check.require_array(key, value, ()))
                where = f"{key} = {number} after errors and KLs of {STEPS[:step]}"
                check.require(math.isfinite(number), where, "a finite number")
                if key == "beta":
                    _check_sign(check, rule, number, where)
                closed_or_open = not key.startswith("gate_") or number in (0.0, 1.0)
                check.require(closed_or_open, where, "0 or 1")


def check_purity(subject: Subject, rule: Scheduler, state: State) -> None:
    """Check that a step depends on its arguments alone and changes nothing."""
    fix = "Keep everything that changes in the state; `update` runs once, when it is traced."
    with subject.check("purity", fix) as check:
        attributes = {name: repr(value) for name, value in vars(rule).items()}
        given = tensors(state)
        kept = dict(given)
        first = rule.update(given, signals(1))
        check.require(
            given.keys() == kept.keys() and all(given[key] is kept[key] for key in kept),
            "a state that update() has changed in place",
            "a new dict",
        )
        rule.update(tensors(state), signals(5, 100.0))
        again = rule.update(tensors(state), signals(1))
        for key, value in first.items():
            check.require_close(f"{key} of the same step again", numpy(again[key]), numpy(value))
        changed = sorted(
            name for name, value in vars(rule).items() if repr(value) != attributes.get(name)
        )
        check.require(not changed, f"attributes that update() has changed: {changed}", "none")


def check_epoch_end(subject: Subject, rule: Scheduler, state: State) -> None:
    """Check the decision after an epoch."""
    fix = "Return a dict of numbers under the keys of the state."
    with subject.check("epoch_end", fix) as check:
        decided = rule.on_epoch_end(dict(state), dict.fromkeys(LOGS, 1.0))
        check.require(
            decided.keys() == state.keys(), f"the keys {sorted(decided)}", f"{sorted(state)}"
        )
        for key, value in decided.items():
            check.require(math.isfinite(value), f"{key} = {value}", "a finite number")
        _check_sign(check, rule, decided["beta"], f"beta = {decided['beta']}")


def check_resumption(subject: Subject, rule: Scheduler, state: State) -> None:
    """Check that a rule made anew goes on from the state of one that has run."""
    fix = "Keep everything that a decision depends on in the state, which is saved with the model."
    with subject.check("resumption", fix) as check:
        current = dict(state)
        for number, (error, kl) in enumerate(STEPS, start=1):
            updated = rule.update(tensors(current), signals(number, error, kl))
            current = {key: float(numpy(value)) for key, value in updated.items()}
            logs = {**dict.fromkeys(LOGS, 1.0 / number), "constraint": error}
            current = {key: float(value) for key, value in rule.on_epoch_end(current, logs).items()}
        for number in range(len(STEPS) + 1, 2 * len(STEPS)):
            others = [subject.fresh(), rule]
            made = [each.update(tensors(current), signals(number)) for each in others]
            decided = [
                each.on_epoch_end(
                    {key: float(numpy(value)) for key, value in after.items()},
                    dict.fromkeys(LOGS, 1.0 / number),
                )
                for each, after in zip(others, made, strict=True)
            ]
            for after in (made, decided):
                for key, value in after[1].items():
                    new, old = float(numpy(after[0][key])), float(numpy(value))
                    check.require(
                        math.isclose(new, old, rel_tol=1e-5, abs_tol=1e-6),
                        f"{key} = {new:.6g} of a rule made anew beside {old:.6g} of one that has "
                        f"run, from the same state {current}",
                        "the same",
                    )
            current = {key: float(value) for key, value in decided[1].items()}


def check_compiled_config(subject: Subject, rule: Scheduler, state: State) -> None:
    """Check that a step compiled for one rule serves others of the same `compiled_config`."""
    fix = (
        "Return in compiled_config() every option that update() or numbers_in() has as a "
        "constant, or leave it to get_config(); give the others by numbers()."
    )
    with subject.check("compiled_config", fix) as check:
        config = rule.get_config()
        for name, value in _other_options(config):
            try:
                other = subject.part_class.from_config({**config, name: value})
            except (TypeError, ValueError, ArithmeticError):
                continue  # the rule refuses it
            if compiled_text(other) != compiled_text(rule):
                continue
            shared = f"{name}={value!r}, which compiled_config() leaves out"
            keys = other.initial_state().keys()
            check.require(
                keys == state.keys() and other.numbers().keys() == rule.numbers().keys(),
                f"other scalars or numbers with {shared}",
                "the same",
            )
            numbers = tensors(other.numbers())
            current = tensors(other.initial_state())
            for step, (error, kl) in enumerate(STEPS, start=1):
                seen = dataclasses.replace(signals(step, error, kl), numbers=numbers)
                expected = other.update(dict(current), seen)
                for key, got in rule.update(dict(current), seen).items():
                    what = (
                        f"{key} of a step that was compiled for another rule and runs for {shared},"
                    )
                    check.require_close(what, numpy(got), numpy(expected[key]), 1e-5)
                current = expected


def _other_options(config: Config) -> Iterator[tuple[str, Any]]:
    """Options of another value each, which the rule may refuse."""
    for name, value in config.items():
        if isinstance(value, bool):
            yield name, not value
        elif isinstance(value, int):
            yield name, value + 1
        elif isinstance(value, float):
            for other in (value + 1.0, 0.75 * value):
                yield name, other


def check_messages(subject: Subject, rule: Scheduler, state: State) -> None:
    """Check what the rule says of itself to figures and users."""
    fix = "Return a number or a text, or None where there is none, and raise nothing."
    with subject.check("messages", fix) as check:
        bound = rule.bound(NUM_DIMENSIONS)
        check.require(
            bound is None or (isinstance(bound, (int, float)) and math.isfinite(bound)),
            f"bound() = {bound!r}",
            "a finite number of nats or None",
        )
        said = [
            (
                f"unfinished() = {{!r}} in phase {phase:g}",
                rule.unfinished(
                    {"beta": state["beta"], "constraint": error, "phase": phase, "step": step},
                    NUM_DIMENSIONS,
                ),
            )
            for phase, (error, _), step in itertools.product((0.0, 1.0), STEPS, (1.0, 1e6))
        ]
        for beta in (state["beta"], -1.0, 0.0, 1e9, math.inf, math.nan):
            for rest in ({}, dict.fromkeys(state, beta)):
                text = rule.diagnose({**state, **rest, "beta": beta})
                said.append((f"diagnose() = {{!r}} with beta {beta:g}", text))
        for what, text in said:
            check.require(
                text is None or (isinstance(text, str) and text.strip()),
                what.format(text),
                "a text or None",
            )


def check_calls(subject: Subject, rule: Scheduler, state: State) -> None:
    """Check a rule when it is traced and when it is called often."""
    keys = list(state)

    def update(_: Any, *values: Any) -> None:
        count, error, kl, *scalars = values
        seen = dataclasses.replace(signals(1), step=count, constraint=error, kl=kl)
        rule.update(dict(zip(keys, scalars, strict=True)), seen)

    arrays = [1.0, 3.0, 2.0, *state.values()]
    check_traced(subject, "update()", update, *arrays)
    check_memory(subject, lambda: update(None, *map(tensor, arrays)), rule)


def _check_saved_state(subject: Subject, model: HierarchicalVAE) -> None:
    fix = "Let get_config() keep all options; it tells whether a rule goes on where it was."
    with subject.check("saving", fix, fix_suits_exceptions=True) as check:
        loaded = reload(subject, model)
        kept, again = (numpy(control.values) for control in (model.control, loaded.control))
        check.require_close("the state after loading", again, kept, 0.0)
        BetaController(subject.fresh()).set_model(loaded)
        check.require_close("the state after resuming", numpy(loaded.control.values), kept, 0.0)
