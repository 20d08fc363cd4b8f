"""What a config stands for: a tree whose leaves are constants, weights and outputs of networks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hiervae.types import Shape, Tensor
from keras import ops

from hiervae_tfp.constraints import bijector, default_initial, split, start, unconstrained_shape
from hiervae_tfp.library import classes
from hiervae_tfp.networks import Parameters, shift_and_log_scale


@dataclass
class Scope:
    """What a tree is given to become a distribution.

    Attributes:
        layer: the part that owns weights and networks.
        size: of the latent vector; None in a likelihood.
        event_shape: of an example; empty in a prior.
        weights: by the path in the config.
        networks: by the path in the config.
        starts: of what a network predicts, before constraints, by the path in the config.
        outputs: parameters that a network predicts, by the path in the config.
    """

    layer: Any
    size: int | None = None
    event_shape: Shape = ()
    weights: dict[str, Any] = field(default_factory=dict)
    networks: dict[str, Parameters] = field(default_factory=dict)
    starts: dict[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Tensor] = field(default_factory=dict)

    def shape(self, entries: tuple[Any, ...]) -> Shape:
        """The shape that a config describes."""
        sizes: list[int] = []
        for entry in entries:
            if entry == "event":
                sizes.extend(self.event_shape)
            else:
                sizes.append(int(self.size or 0) if entry == "size" else entry)
        return tuple(sizes)


@dataclass(frozen=True)
class Node:
    """A place in a config.

    Attributes:
        path: keys on the way to it, with dots.
    """

    path: str

    def children(self) -> Iterator[Node]:
        """The nodes below this one."""
        return iter(())

    def build(self, scope: Scope) -> None:
        """Create the weights of this node and of those below."""
        for child in self.children():
            child.build(scope)

    def value(self, scope: Scope) -> Any:
        """What TensorFlow Probability is given."""
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Node):
    """A number, a truth value, None, or nested lists of numbers; "size" is that of the latent."""

    constant: Any

    def value(self, scope: Scope) -> Any:
        """See the base class."""
        return scope.size if self.constant == "size" else self.constant


@dataclass(frozen=True)
class Several(Node):
    """A list of nodes."""

    items: tuple[Node, ...]

    def children(self) -> Iterator[Node]:
        """See the base class."""
        return iter(self.items)

    def value(self, scope: Scope) -> Any:
        """See the base class."""
        return [item.value(scope) for item in self.items]


@dataclass(frozen=True)
class Call(Node):
    """A distribution or a bijector.

    Attributes:
        kind: "tfd" or "tfb".
        name: of the class.
        arguments: of its constructor.
    """

    kind: str
    name: str
    arguments: Mapping[str, Node]

    def children(self) -> Iterator[Node]:
        """See the base class."""
        return iter(self.arguments.values())

    def value(self, scope: Scope) -> Any:
        """See the base class.

        Raises:
            ValueError: if TensorFlow Probability refuses an argument.
        """
        given = {name: node.value(scope) for name, node in self.arguments.items()}
        try:
            return classes(self.kind)[self.name](**given)
        except (TypeError, ValueError, ArithmeticError, NotImplementedError) as error:
            what = " ".join(str(error).split())
            raise ValueError(
                f"{self.path}: {self.kind}.{self.name} refuses the arguments "
                f"{', '.join(given) or 'none'}: {what}"
            ) from error


@dataclass(frozen=True)
class Variable(Node):
    """A weight.

    Attributes:
        shape: numbers, "size" or "event".
        initial: see `constraints.start`.
        constraint: see `constraints.bijector`; or a bijector's node.
        trainable: whether it is trained.
    """

    shape: tuple[Any, ...]
    initial: Any
    constraint: Any
    trainable: bool

    def children(self) -> Iterator[Node]:
        """See the base class."""
        return iter((self.constraint,) if isinstance(self.constraint, Node) else ())

    def build(self, scope: Scope) -> None:
        """Create the weight, which has the values before the constraint."""
        super().build(scope)
        shape = scope.shape(self.shape)
        raw = start(self.path, _initial(self), _allowed(self, scope), shape)
        scope.weights[self.path] = scope.layer.add_weight(
            shape=tuple(raw.shape),
            initializer=lambda shape, dtype=None: raw,
            dtype="float32",
            autocast=False,
            trainable=self.trainable,
            name=self.path.replace(".", "_") or "variable",
        )

    def value(self, scope: Scope) -> Any:
        """See the base class."""
        raw = ops.convert_to_tensor(scope.weights[self.path])
        return _allowed(self, scope).forward(raw)


@dataclass(frozen=True)
class Output(Node):
    """A parameter that the decoder, or the network of an autoregressive distribution, predicts.

    Attributes:
        shape: numbers of one value's parameter.
        initial: see `constraints.start`.
        constraint: see `constraints.bijector`; or a bijector's node.
    """

    shape: Shape
    initial: Any
    constraint: Any

    def children(self) -> Iterator[Node]:
        """See the base class."""
        return iter((self.constraint,) if isinstance(self.constraint, Node) else ())

    def build(self, scope: Scope) -> None:
        """Keep where the parameter starts."""
        super().build(scope)
        raw = start(self.path, _initial(self), _allowed(self, scope), self.shape)
        scope.starts[self.path] = ops.convert_to_numpy(raw)

    def unconstrained(self, scope: Scope) -> Shape:
        """The shape of what the network puts out for a value."""
        return unconstrained_shape(_allowed(self, scope), self.shape)

    def value(self, scope: Scope) -> Any:
        """See the base class."""
        raw = scope.outputs[self.path] + scope.starts[self.path]
        return _allowed(self, scope).forward(raw)


@dataclass(frozen=True)
class Network(Node):
    """A network that maps vectors to parameters.

    Attributes:
        inputs: size of the vectors, or "size".
        outputs: how many have parameters; None for MADE.
        hidden_units: widths of the hidden layers.
        log_scale_bound: of a network of shifts and log-scales.
        returns: the distribution whose parameters it predicts, instead of shifts and log-scales.
    """

    inputs: Any
    outputs: int | None
    hidden_units: tuple[int, ...]
    log_scale_bound: float
    returns: Node | None

    def children(self) -> Iterator[Node]:
        """See the base class."""
        return iter(() if self.returns is None else (self.returns,))

    def build(self, scope: Scope) -> None:
        """Create the network's weights."""
        super().build(scope)
        (inputs,) = scope.shape((self.inputs,))
        parts = 2 if self.returns is None else sum(output_sizes(self.returns, scope).values())
        if not parts:
            raise ValueError(
                f'{self.path}.returns has no {{"output": shape}}: expected one or more parameters '
                "that the network predicts."
            )
        name = f"network_{len(scope.networks)}"
        network = Parameters(inputs, self.outputs, self.hidden_units, parts, name=name)
        network.build()
        scope.networks[self.path] = network

    def value(self, scope: Scope) -> Any:
        """See the base class."""
        network, returns = scope.networks[self.path], self.returns
        if returns is None:
            return shift_and_log_scale(network, self.log_scale_bound)

        def distribution_of(vectors: Tensor | None = None) -> Any:
            if vectors is None:
                vectors = ops.zeros((network.inputs,))
            outputs = split_outputs(returns, scope, network(vectors))
            return returns.value(replace(scope, outputs=outputs))

        return distribution_of


def walk(node: Node, into_networks: bool = True) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    for child in node.children():
        if into_networks or not isinstance(node, Network):
            yield from walk(child, into_networks)


def output_sizes(node: Node, scope: Scope) -> dict[str, int]:
    """Return how many numbers each output of a tree takes for a value, by its path."""
    return {
        each.path: math.prod(each.unconstrained(scope))
        for each in walk(node, into_networks=False)
        if isinstance(each, Output)
    }


def split_outputs(node: Node, scope: Scope, values: Tensor) -> dict[str, Tensor]:
    """Return the outputs of a tree, (..., *shape) each, from what a network puts out, (..., m)."""
    shapes = {
        each.path: each.unconstrained(scope)
        for each in walk(node, into_networks=False)
        if isinstance(each, Output)
    }
    pieces = split(values, list(map(math.prod, shapes.values())))
    leading = ops.shape(values)[:-1]
    return {
        path: ops.reshape(piece, (*leading, *shape))
        for (path, shape), piece in zip(shapes.items(), pieces, strict=True)
    }


def _allowed(node: Variable | Output, scope: Scope) -> Any:
    constraint = node.constraint
    return constraint.value(scope) if isinstance(constraint, Node) else bijector(constraint)


def _initial(node: Variable | Output) -> Any:
    if node.initial is None and not isinstance(node.constraint, Node):
        return default_initial(node.constraint)
    return node.initial
