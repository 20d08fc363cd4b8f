"""What is compiled for a model, and when it is compiled anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hiervae.backend import compile_function


class FunctionCache:
    """Compiled functions of one model by name and static arguments."""

    def __init__(self) -> None:
        self._functions: dict[tuple[Any, ...], Callable[..., Any]] = {}

    def get(
        self, model: Any, key: tuple[Any, ...], function: Callable[..., Any]
    ) -> Callable[..., Any]:
        """The compiled function under `key`, compiled on first use."""
        if key not in self._functions:
            self._functions[key] = compile_function(model, function)
        return self._functions[key]


class CompiledMethods:
    """Steps and functions that are compiled for the rule, objective and options of the moment."""

    def make_train_function(self: Any, force: bool = False) -> Any:
        """Compile the training step, anew for another scheduler, objective or option of a part."""
        wanted = (self.control.active_rule, self.objective, self.part_options())
        force = force or wanted != self._trained_as
        self._trained_as = wanted
        if self.built:
            self.check_ready()
            self.gated_variables()  # refuses an optimiser before a step is compiled
        return super().make_train_function(force=force)  # type: ignore[misc]

    def make_test_function(self: Any, force: bool = False) -> Any:
        """Compile the test step, anew for another objective or option of a part."""
        wanted = (self.objective, self.part_options())
        force = force or wanted != self._tested_as
        self._tested_as = wanted
        if self.built:
            self.check_ready()
        return super().make_test_function(force=force)  # type: ignore[misc]

    def compiled_function(
        self: Any, key: tuple[Any, ...], function: Callable[..., Any]
    ) -> Callable[..., Any]:
        """`function` compiled once for `key` and the options that the parts have now.

        Raises:
            ValueError: if a part cannot be used yet.
        """
        self.check_ready()
        return self._functions.get(self, (*key, self.part_options()), function)

    def part_options(self: Any) -> str:
        """The options of the parts as they are now, in one text to compare."""
        configs = [part.get_config() for part in self.parts]
        return json.dumps(configs, sort_keys=True, default=str)

    def check_ready(self: Any) -> None:
        """Ask every part whether it can be used.

        Raises:
            ValueError: if one cannot yet.
        """
        for part in self.parts:
            part.check_ready()
