"""The control state of a model: weights that steer its training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from hiervae import registry
from hiervae.errors import IncompatiblePluginError
from hiervae.model.gates import GATED_ROLES
from hiervae.schedulers.base import Scheduler
from hiervae.types import Signals, Tensor
from hiervae.utils.validation import check_finite_number

CAPACITY = 16
DIGEST_SIZE = 4
DEFAULTS = {"beta": 1.0, "constraint": 0.0, "phase": 1.0}
LOGGED = tuple(DEFAULTS)
NUMBERS = 32
"""Room for the numbers of a rule that are inputs of the compiled step."""


class RuleNumbers:
    """The numbers of the rule at work: read by the step, and not saved, since the rule has them.

    Attributes:
        variable: (NUMBERS,), those of the rule first; no layer tracks it.
    """

    def __init__(self) -> None:
        make: Any = keras.Variable
        self.variable: keras.Variable = make(
            np.zeros(NUMBERS, "float32"), trainable=False, name="rule_numbers"
        )

    def set(self, scheduler: Scheduler) -> None:
        """Take the numbers of a rule.

        Raises:
            ValueError: if it has too many.
        """
        numbers = scheduler.numbers()
        if len(numbers) > NUMBERS:
            raise ValueError(
                f"{type(scheduler).__name__}.numbers() returned {len(numbers)} numbers: expected "
                f"at most {NUMBERS}. Leave the others constants."
            )
        self.variable.assign(np.array([*numbers.values(), *[0.0] * (NUMBERS - len(numbers))]))

    def of(self, scheduler: Scheduler) -> dict[str, Tensor]:
        """What the step reads, by name."""
        names = list(scheduler.numbers())
        if not names:
            return {}
        values = ops.convert_to_tensor(self.variable)[: len(names)]
        return dict(zip(names, ops.unstack(values, len(names)), strict=True))


class ControlState(keras.layers.Layer):
    """Counters and the scheduler's scalars as non-trainable weights.

    Being weights they are saved, restored and resumed with the model and advance inside the
    compiled step. Room for the scalars is made when the model is built, because a scheduler is
    chosen only when training starts and no backend lets state be added by then.

    Replicas advance their copies by themselves, since all see the same means.

    Attributes:
        scheduler: the rule at work, None for beta = 1.
        step: training steps over the model's life.
        rule_step: training steps since the rule began.
        rule_epoch: epochs since the rule began, the one that runs included.
        rule_digest: hash of the rule that was installed last, 0 before the first one.
        adapted: 1 once the parts were initialised from examples.
        closed_steps: for each of `GATED_ROLES` the optimiser's steps that its gate was closed in.
        loaded_step: `step` as it was in the file that was loaded last, 0 without one.
        numbers: the rule's settings that the step reads.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.scheduler: Scheduler | None = None
        self._installed: tuple[type[Scheduler], str] | None = None
        self.loaded_step = 0
        self.numbers = RuleNumbers()
        self.step = self._integers("step")
        self.rule_step = self._integers("rule_step")
        self.rule_epoch = self._integers("rule_epoch")
        self.rule_digest = self._integers("rule_digest", (DIGEST_SIZE,))
        self.adapted = self._integers("adapted")
        self.values = self.add_weight(
            shape=(CAPACITY,),
            initializer="zeros",
            trainable=False,
            name="values",
        )
        self.closed_steps = self._integers("closed_steps", (len(GATED_ROLES),))
        self.built = True
        self.values.assign(np.array([*DEFAULTS.values(), *[0.0] * (CAPACITY - len(DEFAULTS))]))

    def _integers(self, name: str, shape: tuple[int, ...] = ()) -> Any:
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            dtype="int32",
            trainable=False,
            name=name,
        )

    def load_own_variables(self, store: Any) -> None:
        """Take up the state; of files from before `closed_steps`, as if no gate was ever closed."""
        saved = {key: store[key] for key in list(store.keys())}
        last = str(len(self.variables) - 1)
        saved.setdefault(last, np.zeros(self.closed_steps.shape, dtype="int32"))
        super().load_own_variables(saved)
        self.loaded_step = int(ops.convert_to_numpy(self.step))

    def install(self, scheduler: Scheduler, resume: bool = True) -> None:
        """Put a scheduler to work, going on from its saved state where it is the same one.

        Raises:
            IncompatiblePluginError: if the scheduler's state is no dict, or lacks its gates; or
                its config lacks an option.
            ValueError: if the scheduler's state has no beta or a negative one, a value that is no
                finite number, or does not fit, or another rule is at work.
        """
        _check_initial_state(scheduler)
        # Compiled steps and saved states are told apart by the config.
        registry.describe("hiervae.schedulers", scheduler, complete=True)
        if self.scheduler not in (None, scheduler):
            raise ValueError(
                f"{type(scheduler).__name__} was to be installed beside "
                f"{type(self.scheduler).__name__}; expected one BetaController a `fit`. Leave one "
                "of them out."
            )
        self.scheduler = scheduler
        self.numbers.set(scheduler)
        self._installed = (type(scheduler), compiled_text(scheduler))
        if not resume or not self.is_of(scheduler):
            self.begin(scheduler)

    def is_of(self, scheduler: Scheduler) -> bool:
        """Whether the state is that of this scheduler, and not of another or with other options."""
        return bool(ops.convert_to_numpy(self.rule_digest).tobytes() == self._digest(scheduler))

    def begin(self, scheduler: Scheduler) -> None:
        """Begin anew with the installed scheduler's initial state."""
        self.rule_digest.assign(np.frombuffer(self._digest(scheduler), dtype="int32"))
        self.write(scheduler.initial_state())
        self.rule_step.assign(0)
        self.rule_epoch.assign(0)

    @property
    def active_rule(self) -> tuple[type[Scheduler], str] | None:
        """What a compiled step depends on of the rule at work, None without one."""
        return None if self.scheduler is None else self._installed

    @property
    def keeps_constraint(self) -> bool:
        """Whether the rule at work keeps a running average of the reconstruction error."""
        return self.scheduler is not None and "constraint" in self.scheduler.initial_state()

    def count_epoch(self) -> None:
        """Begin another epoch of the rule at work."""
        self.rule_epoch.assign(self.rule_epoch + 1)

    def detach(self) -> None:
        """Go back to beta = 1; the scalars and the digest stay for a later `install`."""
        self.scheduler = None

    @staticmethod
    def _digest(scheduler: Scheduler) -> bytes:
        """A hash of the rule's name, distribution, version and config."""
        record = registry.describe("hiervae.schedulers", scheduler)
        text = json.dumps(record, sort_keys=True).encode()
        return hashlib.sha256(text).digest()[: 4 * DIGEST_SIZE]

    def _keys(self, scheduler: Scheduler) -> list[str]:
        return [*LOGGED, *sorted(scheduler.initial_state().keys() - set(LOGGED))]

    def logged(self) -> dict[str, float]:
        """Beta, constraint and phase of the rule that was installed last."""
        values = ops.convert_to_numpy(self.values)
        return {key: float(value) for key, value in zip(LOGGED, values, strict=False)}

    def phase(self) -> Tensor:
        """The phase as it is, a scalar tensor."""
        return ops.convert_to_tensor(self.values)[LOGGED.index("phase")]

    def read(self) -> dict[str, float]:
        """The installed scheduler's whole state as Python numbers; empty without one."""
        if self.scheduler is None:
            return {}
        keys = self._keys(self.scheduler)
        values = dict(zip(keys, ops.convert_to_numpy(self.values), strict=False))
        return {key: float(values[key]) for key in self.scheduler.initial_state()}

    def write(self, state: dict[str, float]) -> None:
        """Set the state of the installed scheduler."""
        if self.scheduler is None:
            raise ValueError("The control state has no scheduler to write to; install one first.")
        full = {**DEFAULTS, **state}
        values = np.zeros(CAPACITY, dtype="float32")
        values[: len(full)] = [full[key] for key in self._keys(self.scheduler)]
        self.values.assign(values)

    def advance(
        self, constraint: Tensor, kl: Tensor, num_dimensions: int, counts: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Count the step and let the rule decide; returns the state that governs the step.

        Args:
            constraint: batch mean of the reconstruction error, nats.
            kl: batch mean of the KL, nats.
            num_dimensions: number of scalars in one example.
            counts: whether the batch has an example of positive weight; without one the rule does
                not hear of it. None stands for True.

        Returns:
            `beta`, `constraint`, `phase` and the gates, float32 scalars without a gradient.
        """
        self.step.assign(self.step + 1)
        constraint = ops.stop_gradient(constraint)
        one = ops.ones((), dtype="float32")
        if self.scheduler is None:
            return {"beta": one, "constraint": constraint, "phase": one}
        step = self.rule_step + 1
        self.rule_step.assign(step)
        keys = self._keys(self.scheduler)
        values = ops.stop_gradient(self.values + 0.0)  # a copy: torch may not see it overwritten
        state = dict(zip(keys, ops.unstack(values[: len(keys)], len(keys)), strict=True))
        signals = Signals(
            step=ops.cast(step, "float32"),
            epoch=ops.cast(self.rule_epoch, "float32"),
            constraint=constraint,
            kl=ops.stop_gradient(kl),
            num_dimensions=float(num_dimensions),
            numbers=self.numbers.of(self.scheduler),
        )
        own = {key: state[key] for key in self.scheduler.initial_state()}
        decided = self.scheduler.update(own, signals)
        _check_decision(self.scheduler, decided, keys)
        updated = {"constraint": constraint, "phase": one, **decided}
        if counts is not None:
            updated = {key: ops.where(counts, updated[key], state[key]) for key in keys}
        state = updated
        packed = ops.stack([ops.cast(state[key], "float32") for key in keys])
        padding = ops.zeros((CAPACITY - len(keys),), dtype="float32")
        self.values.assign(ops.concatenate([packed, padding]))
        return state


def _check_initial_state(scheduler: Scheduler) -> None:
    name, state = type(scheduler).__name__, scheduler.initial_state()
    if not isinstance(state, Mapping):
        raise IncompatiblePluginError(
            f"{name}.initial_state() returned {state!r}; expected a dict of finite numbers, "
            "'beta' among them. Return what the first step starts from."
        )
    for key, value in state.items():
        check_finite_number(f"{name}.initial_state()[{key!r}]", value)
    if "beta" not in state or len(DEFAULTS.keys() | state.keys()) > CAPACITY:
        raise ValueError(
            f"{name}.initial_state() returned the keys {sorted(state)}: expected at most "
            f"{CAPACITY - len(DEFAULTS)} scalars beside {LOGGED}, and 'beta'."
        )
    check_beta(scheduler, state["beta"])
    unknown = sorted(set(scheduler.gates) - set(GATED_ROLES))
    keys = {key for key in state if key.startswith("gate_")}
    expected = {f"gate_{role}" for role in scheduler.gates}
    if unknown or keys != expected:
        raise IncompatiblePluginError(
            f"{name} has gates = {tuple(scheduler.gates)} and the state's gates {sorted(keys)}; "
            f"expected some of {GATED_ROLES}, and one gate_<role> in the state for each. Let both "
            "name the same roles."
        )


def check_beta(scheduler: Scheduler, beta: float) -> None:
    """Refuse a beta below 0, which raises the KL, of a rule that is not made for it.

    Raises:
        ValueError: if it is.
    """
    if beta < 0.0 and not scheduler.allows_negative_beta:
        raise ValueError(
            f"{type(scheduler).__name__} set beta to {beta:g}; expected at least 0, since a "
            "negative beta raises the KL. Keep it there, or set allows_negative_beta = True in the "
            "class."
        )


def _check_decision(scheduler: Scheduler, decided: Any, keys: list[str]) -> None:
    """Refuse what `update` returned where a step cannot go on from it.

    Args:
        scheduler: the rule.
        decided: what its `update` returned.
        keys: of the whole state, those that are logged included, which it may leave out.
    """
    method = f"{type(scheduler).__name__}.update"
    got = decided.keys() if isinstance(decided, Mapping) else None
    if got is None or got | {"constraint", "phase"} != set(keys):
        received = type(decided).__name__ if got is None else f"the keys {sorted(got)}"
        raise IncompatiblePluginError(
            f"{method} returned {received}; expected a dict with the keys of initial_state(), "
            f"{sorted(scheduler.initial_state())}. Return all of them, changed or not."
        )
    for key, value in decided.items():
        shape = getattr(value, "shape", ())
        if len(shape):
            raise IncompatiblePluginError(
                f"{method} returned {key!r} of shape {tuple(shape)}; expected a scalar. Return a "
                "tensor of shape ()."
            )


def compiled_text(scheduler: Scheduler) -> str:
    """What a compiled step depends on of a rule, as text: equal for rules that share a step."""
    own = "compiled_config" in vars(type(scheduler))
    config = scheduler.compiled_config() if own else scheduler.get_config()
    return json.dumps(config, sort_keys=True, default=repr)
