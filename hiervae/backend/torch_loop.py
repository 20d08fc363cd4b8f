"""Functions with a loop on PyTorch without Keras: recorded once, in three graphs, and played back.

As in training, Keras' layers and operations cost more than the arithmetic of a small model. Here a
function is recorded with one pass of its loop; what comes before the loop, the pass, and what comes
after are graphs of their own. Whatever no pass changes is moved before the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import keras
import torch
from torch.fx import Graph, GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx

from hiervae import random
from hiervae.backend.step import Compilable
from hiervae.backend.torch_buffers import Plan, with_shared_memory
from hiervae.backend.torch_simplify import (
    called_directly,
    is_random,
    simplified,
    write_elsewhere,
    writes,
)

PASSES_BEFORE_RECORDING = 10
"""A function is recorded when its loop has gone so often for arrays of one form."""

State = tuple[torch.Tensor, ...]
Body = Callable[..., State]


class Loop:
    """Goes through loops, and counts the passes."""

    def __init__(self) -> None:
        self.passes = 0

    def run(self, body: Body, state: State, count: torch.Tensor) -> State:
        """The state after all passes."""
        total = _number(count)
        for index in range(total):
            state = body(index, *state)
        self.passes += total
        return state


class OnePass(Loop):
    """Goes through a loop once, whatever its count, and notes where the pass begins and ends.

    Attributes:
        noted: the count, the state before the pass and the state after it.
    """

    def __init__(self, index: torch.Tensor) -> None:
        super().__init__()
        self._index = index
        self.noted: list[torch.Tensor] = []

    def run(self, body: Body, state: State, count: torch.Tensor) -> State:
        """The state after one pass."""
        before = tuple(tensor.clone() for tensor in state)
        after = tuple(tensor.clone() for tensor in body(self._index, *before))
        self.noted = [count, *before, *after]
        self.passes += 1
        return after


_loop: ContextVar[Loop | None] = ContextVar("loop", default=None)


@contextmanager
def going_through(loop: Loop) -> Iterator[None]:
    """Let `loop` go through the loops of this thread within."""
    token = _loop.set(loop)
    try:
        yield
    finally:
        _loop.reset(token)


def repeat(model: Compilable, body: Body, state: State, count: torch.Tensor) -> State:
    """Return the state after `state = body(index, *state)` for each index below `count`."""
    return (_loop.get() or Loop()).run(body, state, count)


@dataclass(frozen=True)
class Phase:
    """A part of a graph.

    Attributes:
        function: from the values of `inputs`, and the memory that it wants, to those of `outputs`.
        inputs: nodes of the whole graph.
        outputs: likewise.
        memory: what it wants.
    """

    function: Callable[..., Sequence[torch.Tensor]]
    inputs: list[Node]
    outputs: list[Node]
    memory: Plan

    @classmethod
    def of(
        cls,
        whole: GraphModule,
        nodes: list[Node],
        outputs: list[Node],
        first: Sequence[Node] = (),
        often: bool = False,
    ) -> Phase:
        """The part that consists of `nodes` and gives `outputs`.

        Args:
            whole: the graph of `nodes`.
            nodes: in their order.
            outputs: among `nodes` or before them.
            first: its first inputs.
            often: whether it is called again and again, so that its memory is kept.
        """
        own = set(nodes)
        needed = [*first, *(each for node in nodes for each in node.all_input_nodes), *outputs]
        inputs = list(dict.fromkeys(node for node in needed if node not in own))
        graph, copies = Graph(), dict[Node, Node]()
        for node in inputs:
            copies[node] = graph.placeholder(node.name)
        for node in nodes:
            copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output([copies[node] for node in outputs])
        module = simplified(GraphModule(whole, graph))
        memory = with_shared_memory(module) if often else Plan([], [])
        return cls(called_directly(module), inputs, outputs, memory)

    def add_to(self, values: dict[Node, torch.Tensor]) -> None:
        """Compute the outputs, and put them among the values."""
        outputs = self.function(*(values[node] for node in self.inputs))
        values.update(zip(self.outputs, outputs, strict=True))


@dataclass(frozen=True)
class Recorded:
    """A function in three graphs.

    Attributes:
        arguments: the nodes of the variables' tensors and the arrays, in order.
        start: what comes before the loop.
        one_pass: from index, state and what `start` gave to the state after a pass.
        end: what comes after the loop.
        count: the node of the number of passes.
        before: the nodes of the state before a pass.
    """

    arguments: list[Node]
    start: Phase
    one_pass: Phase
    end: Phase
    count: Node
    before: list[Node]

    def play(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        """What the function gives for the variables' tensors and the arrays."""
        values = dict(zip(self.arguments, tensors, strict=True))
        self.start.add_to(values)
        state: Sequence[torch.Tensor] = [values[node] for node in self.before]
        fixed = [values[node] for node in self.one_pass.inputs[1 + len(state) :]]
        device = state[0].device
        memory = self.one_pass.memory.allocate(device)
        for index in torch.arange(_number(values[self.count]), dtype=torch.int32, device=device):
            state = self.one_pass.function(index, *state, *fixed, *memory)
        values.update(zip(self.one_pass.outputs, state, strict=True))
        self.end.add_to(values)
        return values[self.end.outputs[0]]


class RecordedFunction:
    """`function(*arrays)` without gradients, recorded once it has paid.

    It goes on as Keras does it where it cannot be recorded: where a part looks at values, has a
    random generator of its own, or writes to a variable.

    Args:
        model: whose variables the function reads; its parts and options must not change.
        function: of arrays; returns a tensor, and loops with `repeat`, once.
    """

    def __init__(self, model: Compilable, function: Callable[..., Any]) -> None:
        self._model, self._function = model, function
        self._loops: dict[Any, Loop] = {}
        self._recorded: dict[Any, Recorded | None] = {}

    @torch.no_grad()
    def __call__(self, *arrays: torch.Tensor) -> Any:
        """What the function gives."""
        form = tuple((tuple(array.shape), array.dtype) for array in arrays)
        loop = self._loops.setdefault(form, Loop())
        if loop.passes >= PASSES_BEFORE_RECORDING and not random.is_injected():
            variables = self._model.variables
            tensors = [*(cast("Any", variable.value) for variable in variables), *arrays]
            if form not in self._recorded:
                self._recorded[form] = self._record(variables, tensors)
            recorded = self._recorded[form]
            if recorded is not None:
                return recorded.play(tensors)
        with going_through(loop):
            return self._function(*arrays)

    def _record(self, variables: Sequence[Any], tensors: list[torch.Tensor]) -> Recorded | None:
        """The function in graphs, or None where it cannot be recorded."""

        def traced(index: torch.Tensor, *tensors: torch.Tensor) -> list[torch.Tensor]:
            before = tensors[: len(variables)]
            mapping = list(zip(variables, before, strict=True))
            loop = OnePass(index)
            with keras.StatelessScope(mapping) as scope, going_through(loop):
                result = self._function(*tensors[len(variables) :])
            after = [scope.get_current_value(variable) for variable in variables]
            changed = any(new is not old for new, old in zip(after, before, strict=True))
            if changed or loop.passes != 1 or not torch.is_tensor(result):
                raise NotImplementedError("No function of arrays with one loop.")
            return [result, *loop.noted]

        index = torch.zeros((), dtype=torch.int32, device=tensors[-1].device)
        graph = None
        with suppress(Exception):
            graph = make_fx(traced, tracing_mode="fake")(index, *tensors)
        return None if graph is None else _in_phases(graph)


def _in_phases(graph: GraphModule) -> Recorded | None:
    """A graph of index, variables and arrays, cut at the loop; None if it writes to tensors."""
    write_elsewhere(graph)
    *nodes, output = graph.graph.nodes
    if any(writes(node) for node in nodes):
        return None
    result, count, *states = cast("list[Node]", output.args[0])
    before, after = states[: len(states) // 2], states[len(states) // 2 :]
    index, *arguments = [node for node in nodes if node.op == "placeholder"]
    begins, ends = nodes.index(before[-1]) + 1, nodes.index(after[-1]) + 1
    start = [node for node in nodes[:begins] if node.op != "placeholder"]
    varying, passes = {index, *before}, list[Node]()
    for node in nodes[begins:ends]:
        if is_random(node) or varying.intersection(node.all_input_nodes):
            varying.add(node)
            passes.append(node)
        else:
            start.append(node)
    last = Phase.of(graph, nodes[ends:], [result])
    one_pass = Phase.of(graph, passes, after, [index, *before], often=True)
    wanted = dict.fromkeys([count, *one_pass.inputs[1:], *last.inputs])
    own = set(start)
    first = Phase.of(graph, start, [node for node in wanted if node in own])
    return Recorded(arguments, first, one_pass, last, count, before)


def _number(count: torch.Tensor) -> int:
    return int(cast("Any", count))
