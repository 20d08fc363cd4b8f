"""What is compiled for a model, and when it is compiled anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from keras import ops

from hiervae.backend import Compilable, compile_function, placement
from hiervae.model.core import Compiler
from hiervae.model.frozen import weight_ids
from hiervae.model.objective import Objective
from hiervae.model.training import TrainingMethods
from hiervae.model.within_epoch import TrainingSteps
from hiervae.schedulers.base import Scheduler
from hiervae.utils.interrupts import Interruptible, uninterrupted


class FunctionCache:
    """Compiled functions of one model by name and static arguments, for one version of its options.

    A version never comes back, so functions of earlier ones are dropped.
    """

    def __init__(self) -> None:
        self._version: tuple[int, ...] = ()
        self._functions: dict[tuple[Any, ...], Callable[..., Any]] = {}

    def get(
        self,
        model: Compilable,
        version: tuple[int, ...],
        key: tuple[Any, ...],
        function: Callable[..., Any],
        compiler: Compiler = compile_function,
    ) -> Callable[..., Any]:
        """The compiled function under `key`, compiled on first use."""
        if version != self._version:
            self._version, self._functions = version, {}
        if key not in self._functions:
            self._functions[key] = uninterrupted(compiler(model, function))
        return self._functions[key]


@dataclass(frozen=True)
class Prepared:
    """What training was prepared for; Keras does not look into it when it saves.

    Attributes:
        optimizer: a Keras optimiser, None before the first one.
    """

    optimizer: Any


class CompiledMethods(TrainingMethods):
    """Steps and functions that are compiled for the rule, objective and options of the moment."""

    _functions: FunctionCache
    _trained_as: (
        tuple[tuple[type[Scheduler], str] | None, tuple[str, ...], Objective, tuple[int, ...]]
        | None
    )
    _tested_as: tuple[Objective, tuple[int, ...]] | None
    _prepared: Prepared = Prepared(None)

    def make_train_function(self, force: bool = False) -> Any:
        """Compile the training step, anew for another scheduler, objective or option of a part.

        Raises:
            ValueError: if a part cannot be used yet, no weight is trainable, weights were frozen
                or thawed since the model was compiled, the optimiser has trained another model, or
                it keeps state that the scheduler cannot hold.
        """
        keys: tuple[str, ...] = ()
        if self.built:
            self.check_trainable()
            self.check_ready()
            self.look_up_gates()  # refuses an optimiser before a step is compiled
            keys = tuple(gate.key for gate in self.gates)
        wanted = (self.control.active_rule, keys, self.objective, self.options_version)
        force = force or wanted != self._trained_as
        self._trained_as = wanted
        before = self.train_function
        super().make_train_function(force=force)
        if self.train_function is not before:
            self.train_function = TrainingSteps(self.train_function, self)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        """Compile the test step, anew for another objective or option of a part.

        Raises:
            ValueError: if a part cannot be used yet.
        """
        wanted = (self.objective, self.options_version)
        force = force or wanted != self._tested_as
        self._tested_as = wanted
        if self.built:
            self.check_ready()
        before = self.test_function
        super().make_test_function(force=force)
        if self.test_function is not before:
            self.test_function = Interruptible(self.test_function)
        return self.test_function

    def make_predict_function(self, force: bool = False) -> Any:
        """Compile the prediction of a batch."""
        before = self.predict_function
        super().make_predict_function(force=force)
        if self.predict_function is not before:
            self.predict_function = Interruptible(self.predict_function)
        return self.predict_function

    def compiled_function(
        self,
        key: tuple[Any, ...],
        function: Callable[..., Any],
        compiler: Compiler = compile_function,
    ) -> Callable[..., Any]:
        """`function` compiled once for `key` and the options that the parts have now.

        Raises:
            ValueError: if a part cannot be used yet.
        """
        self.check_ready()
        return self._functions.get(self, self.options_version, key, function, compiler)

    def forget_compiled_functions(self) -> None:
        """Compile everything anew from here on."""
        self._functions = FunctionCache()
        self._trained_as = self._tested_as = None
        self.predict_function = None

    def check_trainable(self) -> None:
        """Refuse to train other weights than those that the optimiser was made for.

        Raises:
            ValueError: if no weight is trainable, weights were frozen or thawed since the model
                was compiled and trained, or the optimiser has trained another model.
        """
        with placement(self):
            self._check_trainable()

    def _check_trainable(self) -> None:
        weights = weight_ids(self.trainable_variables)
        if not weights:
            raise ValueError(
                "Received a model none of whose weights is trainable; expected some. Set "
                "`trainable = True` on the model or a part of it, and call `compile` again."
            )
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        made_for = weight_ids(cast("Any", self.optimizer)._trainable_variables)
        if not made_for <= weight_ids(self.variables):
            raise ValueError(
                f"The optimiser {type(self.optimizer).__name__} has the moments and the steps of "
                "another model; expected one of its own for each. Call `model.compile(optimizer)` "
                "again, with a new optimiser."
            )
        if made_for != weights:
            raise ValueError(
                f"{len(made_for ^ weights)} weights were frozen or thawed since the model was "
                "compiled; expected the optimiser to be made for the weights that train. Call "
                "`model.compile(optimizer)` again, with a new optimiser, before training goes on."
            )
        current = Prepared(self.optimizer)
        if current != self._prepared and not int(ops.convert_to_numpy(self.optimizer.iterations)):
            self.control.closed_steps.assign(np.zeros(self.control.closed_steps.shape, "int32"))
        self._prepared = current

    def check_ready(self) -> None:
        """Ask every part whether it can be used.

        Raises:
            ValueError: if one cannot yet.
        """
        for part in self.parts:
            part.check_ready()
