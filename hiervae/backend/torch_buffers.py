"""Memory that the passes of a recorded loop share.

The C library gives large tensors back to the system when they are freed, and the system hands them
out again page by page, each filled with zeros; whether it does so depends on what else a process
has allocated. A pass of two thousand images spends a third of its time on it. So the large results
of a pass go where those of the pass before were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch.fx import GraphModule, Node

from hiervae.backend.torch_simplify import is_fresh

SMALLEST = 2**14
"""Elements of the smallest tensor that is worth it."""


@dataclass(frozen=True)
class Slot:
    """Where a large result goes.

    Attributes:
        block: the number of its block of memory.
        shape: of the result.
        dtype: of the result, and of the block.
    """

    block: int
    shape: torch.Size
    dtype: torch.dtype


@dataclass(frozen=True)
class Plan:
    """The large results of a graph, which takes their tensors as its last arguments.

    Attributes:
        slots: in the order of these arguments.
        sizes: elements of each block.
    """

    slots: list[Slot]
    sizes: list[int]

    def allocate(self, device: torch.device) -> list[torch.Tensor]:
        """The tensors, without values."""
        dtypes = {slot.block: slot.dtype for slot in self.slots}
        blocks = [
            torch.empty(size, dtype=dtypes[number], device=device)
            for number, size in enumerate(self.sizes)
        ]
        return [blocks[slot.block][: slot.shape.numel()].view(slot.shape) for slot in self.slots]


def with_shared_memory(module: GraphModule) -> Plan:
    """Change a graph without gradients so that its large results go into tensors it is given."""
    graph = module.graph
    nodes = list(graph.nodes)
    last = _last_uses(nodes)
    slots, sizes, free = list[Slot](), list[int](), list[int]()
    dtypes, ends = list[torch.dtype](), list[tuple[int, int]]()
    first = next(node for node in nodes if node.op != "placeholder")
    for index, node in enumerate(nodes):
        free += [block for end, block in ends if end < index]
        ends = [(end, block) for end, block in ends if end >= index]
        out = _into_memory(node) if last[node] < len(nodes) - 1 else None
        if out is None:
            continue
        value = node.meta["val"]
        size = value.numel()
        fitting = [block for block in free if dtypes[block] == value.dtype]
        if fitting:  # the smallest that is large enough, else the largest, which grows
            block = min(fitting, key=lambda each: (sizes[each] < size, abs(sizes[each] - size)))
            free.remove(block)
            sizes[block] = max(sizes[block], size)
        else:
            block = len(sizes)
            sizes.append(size)
            dtypes.append(value.dtype)
        ends.append((last[node], block))
        slots.append(Slot(block, value.shape, value.dtype))
        with graph.inserting_before(first):
            memory = graph.placeholder(f"memory_{len(slots)}")
        node.target = cast("Any", out)
        node.kwargs = {**node.kwargs, "out": memory}
    graph.lint()
    module.recompile()
    return Plan(slots, sizes)


def _last_uses(nodes: list[Node]) -> dict[Node, int]:
    """For each node where its memory is used last, through views as well."""
    places = {node: place for place, node in enumerate(nodes)}
    last = {node: max(map(places.__getitem__, node.users), default=0) for node in nodes}
    for node in reversed(nodes):
        if node.op == "call_function" and not is_fresh(node):
            for source in node.all_input_nodes:
                last[source] = max(last[source], last[node])
    return last


def _into_memory(node: Node) -> Any:
    """The operation that writes a node's result where it is told; None if it is not worth it."""
    if not is_fresh(node):
        return None
    value, target = node.meta["val"], cast("torch._ops.OpOverload", node.target)
    if value.numel() < SMALLEST or not value.is_contiguous():
        return None
    wanted = [(each.name, str(each.type)) for each in target._schema.arguments]
    packet = target.overloadpacket
    for name in packet.overloads():
        other = getattr(packet, name)
        *arguments, out = other._schema.arguments
        if (
            out.is_out
            and [(each.name, str(each.type)) for each in arguments] == wanted
            and torch.Tag.generated not in other.tags  # which computes elsewhere, and copies
        ):
            return other
    return None
