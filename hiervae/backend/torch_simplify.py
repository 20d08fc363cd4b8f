"""Graphs recorded on PyTorch, without what need not be computed at each call.

What is recorded is what Keras calls: constants are made anew and equal values are computed again.
Nothing that is left out changes a bit, since a process that goes on with a training takes its first
steps as Keras does.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch.fx import Graph, GraphModule, Node
from torch.fx.node import map_arg

_aten = torch.ops.aten
_VIEWS = {_aten.view.default, _aten._unsafe_view.default, _aten.reshape.default}
_CLAMPS = {_aten.clamp.Tensor: _aten.clamp.default}
_NEUTRAL = {
    _aten.add.Tensor: 0.0,
    _aten.sub.Tensor: 0.0,
    _aten.mul.Tensor: 1.0,
    _aten.div.Tensor: 1.0,
}
_BESIDE_NUMBERS = {_aten.add.Tensor, _aten.sub.Tensor, _aten.mul.Tensor}
_DIRECT = {
    "abs",
    "add",
    "addmm",
    "amax",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "cat",
    "clamp",
    "clone",
    "detach",
    "div",
    "eq",
    "erfinv",
    "exp",
    "expm1",
    "ge",
    "gt",
    "le",
    "log",
    "log1p",
    "logsumexp",
    "lt",
    "maximum",
    "mean",
    "minimum",
    "mm",
    "mul",
    "ne",
    "neg",
    "pow",
    "rsqrt",
    "select",
    "sigmoid",
    "sqrt",
    "stack",
    "sub",
    "sum",
    "tanh",
    "unbind",
    "where",
}
"""Operations that PyTorch's own functions call in the same way, but faster."""

LARGEST_CONSTANT = 2**20
"""Elements of the largest constant that is kept."""


def simplified(module: GraphModule, num_trained: int = 0) -> GraphModule:
    """The graph with fewer operations and the same values, changed in place.

    One that writes to tensors stays as it is.

    Args:
        module: a recorded graph.
        num_trained: how many of its first arguments gradients are taken of, from its first output.
            What they come through is computed as often as before, or they would be added in another
            order.
    """
    graph = module.graph
    write_elsewhere(module)
    if any(writes(node) for node in graph.nodes):
        return module
    _keep_constants(module)
    _keep_numbers(module)
    for node in list(graph.nodes):
        is_view = node.target in _VIEWS or _keeps_order(node)
        if not is_view and not _is_neutral(module, node):
            continue
        source = cast("Node", node.args[0])
        if _form(node) == _form(source) and (is_view or _owns_memory(source)):
            node.replace_all_uses_with(source)
    trained = [node for node in graph.nodes if node.op == "placeholder"][:num_trained]
    differentiated = _between(trained, graph)
    _merge_equal(graph, differentiated)
    _cut_off(graph, differentiated.union(trained))
    graph.eliminate_dead_code()
    for node in list(graph.nodes):
        if node.target is _aten.clone.default:
            if num_trained == 0:  # a gradient's sum depends on the order of its memory
                _copy_once(node)
            _drop_copy(node)
    graph.eliminate_dead_code()
    graph.lint()
    module.recompile()
    return module


def called_directly(module: GraphModule) -> GraphModule:
    """The graph with PyTorch's own functions in the place of their overloads, changed in place."""
    for node in module.graph.nodes:
        name = getattr(getattr(node.target, "overloadpacket", None), "__name__", None)
        if name in _DIRECT and set(node.kwargs) <= {"out"}:
            node.target = getattr(torch, name)
    module.recompile()
    return module


def writes(node: Node) -> bool:
    """Whether an operation changes one of its arguments."""
    return bool(getattr(getattr(node.target, "_schema", None), "is_mutable", False))


def is_random(node: Node) -> bool:
    """Whether an operation draws random numbers."""
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def is_fresh(node: Node) -> bool:
    """Whether an operation returns one tensor, in memory of its own."""
    schema = getattr(node.target, "_schema", None)
    if node.op != "call_function" or schema is None or len(schema.returns) != 1:
        return False
    (returned,) = schema.returns
    return returned.alias_info is None and isinstance(node.meta.get("val"), torch.Tensor)


def _form(node: Any) -> Any:
    """Shape and dtype of a node's tensor; something of its own where it has none."""
    value = getattr(node, "meta", {}).get("val")
    return (value.shape, value.dtype) if isinstance(value, torch.Tensor) else object()


def write_elsewhere(module: GraphModule) -> None:
    """Let an operation that overwrites a result which nobody else reads return one of its own."""
    nodes = list(module.graph.nodes)
    places = {node: place for place, node in enumerate(nodes)}
    for node in nodes:
        packet = getattr(node.target, "overloadpacket", None)
        if packet is None or not writes(node) or not packet.__name__.endswith("_"):
            continue
        first = node.args[0]
        other = getattr(_aten, packet.__name__[:-1], None)
        overload = getattr(other, cast("Any", node.target)._overloadname, None)
        later = any(places[user] > places[node] for user in first.users)
        views = any(not is_fresh(user) for user in first.users if user is not node)
        if overload is not None and is_fresh(first) and not later and not views:
            node.target = overload


def _keep_constants(module: GraphModule) -> None:
    """Compute at once what depends on constants alone."""
    graph, values = module.graph, dict[Node, Any]()
    for node in list(graph.nodes):
        if node.op == "get_attr":
            values[node] = getattr(module, str(node.target))
        if node.op != "call_function" or is_random(node):
            continue
        if node.target in _CLAMPS and all(each in values for each in node.args[1:]):
            node.target = _CLAMPS[node.target]
            node.args = (
                node.args[0],
                *(values[cast("Node", each)].item() for each in node.args[1:]),
            )
        if not all(each in values for each in node.all_input_nodes) or not is_fresh(node):
            continue
        if node.meta["val"].numel() > LARGEST_CONSTANT:
            continue
        arguments, named = map_arg((node.args, node.kwargs), values.__getitem__)
        name = f"constant_of_{node.name}"
        with torch.no_grad():
            module.register_buffer(name, cast("Any", node.target)(*arguments, **named))
        with graph.inserting_before(node):
            constant = graph.get_attr(name)
        constant.meta["val"] = node.meta["val"]
        values[constant] = getattr(module, name)
        node.replace_all_uses_with(constant)


def _keep_numbers(module: GraphModule) -> None:
    """Let tensors of one number throughout be that number, in sums, differences and products."""
    for node in module.graph.nodes:
        if node.target not in _BESIDE_NUMBERS or node.kwargs:
            continue
        first, second = node.args
        if node.target is not _aten.sub.Tensor and _number_of(module, first) is not None:
            first, second = second, first
        number = _number_of(module, second)
        if number is not None and _form(node) == _form(first):
            node.args = (first, number)


def _number_of(module: GraphModule, node: Any) -> Any:
    """The number that a constant is throughout; None where there are several, or no constant."""
    if not isinstance(node, Node) or node.op != "get_attr":
        return None
    values = getattr(module, str(node.target)).flatten()
    return values[0].item() if len(values) and bool((values == values[0]).all()) else None


def _keeps_order(node: Node) -> bool:
    """Whether a permutation of axes is none."""
    return node.target is _aten.permute.default and list(node.args[1]) == sorted(node.args[1])


def _is_neutral(module: GraphModule, node: Node) -> bool:
    """Whether an operation adds nought to its first argument, or multiplies it with one."""
    number = _NEUTRAL.get(node.target)
    if number is None or node.kwargs:
        return False
    other = node.args[1]
    if isinstance(other, Node):
        if other.op != "get_attr":
            return False
        return bool((getattr(module, str(other.target)) == number).all())
    return bool(other == number)


def _between(trained: list[Node], graph: Graph) -> set[Node]:
    """What gradients of the first output come through on their way to some arguments."""
    dependent = set(trained)
    for node in graph.nodes:
        if dependent.intersection(node.all_input_nodes):
            dependent.add(node)
    outputs: Any = graph.output_node().args[0]
    found, waiting = set[Node](), [outputs[0] if isinstance(outputs, list | tuple) else outputs]
    while waiting:
        node = waiting.pop()
        if node in dependent and node not in found and node.target is not _aten.detach.default:
            found.add(node)
            waiting.extend(node.all_input_nodes)
    return found


def _merge_equal(graph: Graph, differentiated: set[Node]) -> None:
    """Let what is computed twice be computed once, but where gradients come through both."""
    known = dict[Any, Node]()
    for node in list(graph.nodes):
        if node.op != "call_function" or is_random(node):
            continue
        key = (node.target, str(node.args), str(node.kwargs))
        first = known.setdefault(key, node)
        if first is node:
            continue
        if node not in differentiated:
            node.replace_all_uses_with(first)
        elif first not in differentiated:
            differentiated.add(first)
            node.replace_all_uses_with(first)


def _cut_off(graph: Graph, attached: set[Node]) -> None:
    """Detach all the rest from what gradients are taken of or come through.

    Without it PyTorch would prepare gradients of the rest, and never take them.
    """
    cuts = dict[Node, Node]()
    for node in list(graph.nodes):
        if node.op != "call_function" or node in attached:
            continue
        sources = attached.intersection(node.all_input_nodes)
        if node.target is _aten.detach.default:
            if not sources:
                node.replace_all_uses_with(node.args[0])
            continue
        if not all(isinstance(source.meta.get("val"), torch.Tensor) for source in sources):
            attached.add(node)  # one of several results
            continue
        for source in sources:
            if source not in cuts:
                with graph.inserting_before(node):
                    cuts[source] = graph.call_function(_aten.detach.default, (source,))
                cuts[source].meta["val"] = source.meta["val"]
            node.replace_input_with(source, cuts[source])


def _copy_once(node: Node) -> None:
    """Copy what a copy is made of, or hand it on where it lies in memory as the copy would.

    Keras' convolutions bring channels last to channels first, and back.
    """
    source = cast("Node", node.args[0])
    if node.kwargs.get("memory_format", torch.preserve_format) is torch.preserve_format:
        return
    while source.target is _aten.clone.default:
        source = cast("Node", source.args[0])
    node.args = (source,)
    root = source
    while root.target is _aten.permute.default:
        root = cast("Node", root.args[0])
    if _owns_memory(root) and _strides(node) == _strides(source):
        node.replace_all_uses_with(source)


def _drop_copy(node: Node) -> None:
    """Hand on a tensor itself, rather than a copy, where none but its own memory is in it."""
    source = cast("Node", node.args[0])
    if _owns_memory(source) and _strides(node) == _strides(source):
        node.replace_all_uses_with(source)


def _owns_memory(node: Node) -> bool:
    """Whether a result is in memory of the graph's own, and not in a variable's."""
    while node.target is _aten.detach.default:
        node = cast("Node", node.args[0])
    return is_fresh(node)


def _strides(node: Node) -> tuple[int, ...]:
    strides: tuple[int, ...] = node.meta["val"].stride()
    return strides
