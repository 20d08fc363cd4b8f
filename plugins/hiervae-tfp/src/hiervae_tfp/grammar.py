"""From JSON to a tree: every key is checked, and only classes of tfd and tfb can be named."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hiervae.options import check_bool, check_positive_int, check_positive_number

from hiervae_tfp.constraints import FORMS, INITIALS, INTERVALS, NAMES
from hiervae_tfp.library import arguments, classes
from hiervae_tfp.nodes import Call, Constant, Network, Node, Output, Several, Variable

KINDS = {
    "tfd": "a distribution of TensorFlow Probability",
    "tfb": "a bijector of TensorFlow Probability",
    "variable": "a weight",
    "output": "a parameter that a network predicts",
    "network": "a network",
}
OPTIONS = {
    "variable": ("initial", "constraint", "trainable"),
    "output": ("initial", "constraint"),
    "network": ("inputs", "outputs", "hidden_units", "log_scale_bound", "returns"),
}
NETWORKS = ("autoregressive", "dense")
FUNCTIONS = {"shift_and_log_scale_fn": False, "distribution_fn": True}
"""Arguments that are networks, and whether the network returns a distribution."""

HIDDEN_UNITS = (64, 64)
LOG_SCALE_BOUND = 2.0
MOST_NODES = 1000


@dataclass
class Rules:
    """What may stand where.

    Attributes:
        sizes: words that stand for sizes in a shape.
        outputs: whether a network predicts parameters here.
        networks: whether there may be networks.
        nodes: how many nodes were read.
    """

    sizes: tuple[str, ...]
    outputs: bool
    networks: bool
    nodes: int = 0


def parse(config: Any, path: str, rules: Rules) -> Node:
    """Return the tree of a value in a config.

    Args:
        config: JSON: a number, a truth value, None, a list of such, or a dict with exactly one of
            the keys in `KINDS`.
        path: what the value is called, for messages and names of weights.
        rules: what may stand here.

    Raises:
        ValueError: if it is none of these; the message names key, value and what was expected.
    """
    rules.nodes += 1
    if rules.nodes > MOST_NODES:
        raise ValueError(f"{path}: expected a config of at most {MOST_NODES} values.")
    if isinstance(config, Mapping):
        return _parse_node(config, path, rules)
    if isinstance(config, (list, tuple)):
        if _is_plain_list(config):
            return Constant(path, _as_list(config))
        items = [parse(item, f"{path}.{index}", rules) for index, item in enumerate(config)]
        return Several(path, tuple(items))
    if config is None or isinstance(config, (bool, int)) or _is_finite(config):
        return Constant(path, config)
    if isinstance(config, str) and config == "size" and "size" in rules.sizes:
        return Constant(path, config)
    raise _refusal(
        path,
        config,
        "a finite number, true, false, null, a list of such, or a dict with one of the keys "
        f"{_list(KINDS)}",
    )


def parse_distribution(config: Any, path: str, rules: Rules) -> Call:
    """Return the tree of a distribution.

    Raises:
        ValueError: if the config is none.
    """
    node = parse(config, path, rules)
    if not isinstance(node, Call) or node.kind != "tfd":
        raise _refusal(path, config, 'a distribution, {"tfd": name, ...}')
    return node


def _parse_node(config: Mapping[str, Any], path: str, rules: Rules) -> Node:
    kinds = [kind for kind in KINDS if kind in config]
    if len(kinds) != 1:
        raise _refusal(path, dict(config), f"exactly one of the keys {_list(KINDS)}")
    (kind,) = kinds
    if kind in ("tfd", "tfb"):
        return _parse_call(kind, config, path, rules)
    unknown = [key for key in config if key not in (kind, *OPTIONS[kind])]
    if unknown:
        raise _refusal(
            f"{path}.{unknown[0]}", config[unknown[0]], f"one of the keys {_list(OPTIONS[kind])}"
        )
    if kind == "network":
        return _parse_network(config, path, rules)
    constraint = _parse_constraint(config.get("constraint"), f"{path}.constraint", rules)
    initial = _parse_initial(config.get("initial"), f"{path}.initial")
    if kind == "variable":
        shape = _parse_shape(config[kind], f"{path}.{kind}", rules.sizes)
        trainable = check_bool(f"{path}.trainable", config.get("trainable", True))
        return Variable(path, shape, initial, constraint, trainable)
    if not rules.outputs:
        raise _refusal(path, dict(config), "a parameter of its own, since no network predicts it")
    if isinstance(initial, Mapping) and "normal" in initial:
        raise _refusal(f"{path}.initial", initial, "no noise for what a network predicts")
    return Output(path, _parse_shape(config[kind], f"{path}.{kind}", ()), initial, constraint)


def _parse_call(kind: str, config: Mapping[str, Any], path: str, rules: Rules) -> Call:
    name, known = config[kind], classes(kind)
    if not isinstance(name, str) or name not in known:
        raise _refusal(f"{path}.{kind}", name, f"{KINDS[kind]}{_nearest(name, known)}")
    accepted = arguments(known[name])
    given = {key: value for key, value in config.items() if key != kind}
    for key, value in given.items():
        if key not in accepted:
            what = f"an argument of {kind}.{name}: {_list(accepted)}{_nearest(key, accepted)}"
            raise _refusal(f"{path}.{key}", value, what)
    missing = [key for key, needed in accepted.items() if needed and key not in given]
    if missing:
        raise ValueError(f"{path}: {kind}.{name} needs the argument {missing[0]!r}.")
    nodes = {}
    for key, value in given.items():
        place = f"{path}.{key}"
        nodes[key] = parse(value, place, rules)
        is_network = isinstance(nodes[key], Network)
        if is_network != (key in FUNCTIONS) and value is not None:
            expected = (
                '{"network": "autoregressive" or "dense", ...}'
                if key in FUNCTIONS
                else ("a value, since networks stand in " + " and ".join(FUNCTIONS) + " alone")
            )
            raise _refusal(place, value, expected)
        if is_network and (nodes[key].returns is not None) != FUNCTIONS[key]:
            wanted = 'with "returns", a distribution' if FUNCTIONS[key] else 'without "returns"'
            raise _refusal(place, value, f"a network {wanted}")
    return Call(path, kind, name, nodes)


def _parse_network(config: Mapping[str, Any], path: str, rules: Rules) -> Network:
    if not rules.networks:
        raise _refusal(path, dict(config), "no network, since the decoder predicts the parameters")
    form = config["network"]
    if form not in NETWORKS:
        raise _refusal(f"{path}.network", form, f"one of {_list(NETWORKS)}")
    sizes: dict[str, Any] = {"inputs": "size", "outputs": None}
    for key in sizes:
        if form == "dense" and key not in config:
            raise ValueError(f"{path}: a dense network needs {key!r}, how many numbers.")
        if key in config:
            if form != "dense":
                raise _refusal(f"{path}.{key}", config[key], "no sizes: they are the latent's")
            sizes[key] = check_positive_int(f"{path}.{key}", config[key])
    returns = config.get("returns")
    if returns is not None:
        inner = Rules(rules.sizes, True, False, rules.nodes)
        returns = parse_distribution(returns, f"{path}.returns", inner)
        rules.nodes = inner.nodes
    hidden = config.get("hidden_units", HIDDEN_UNITS)
    if not isinstance(hidden, (list, tuple)) or not hidden:
        raise _refusal(f"{path}.hidden_units", hidden, "one or more widths, such as [64, 64]")
    widths = tuple(check_positive_int(f"{path}.hidden_units", width) for width in hidden)
    bound = config.get("log_scale_bound", LOG_SCALE_BOUND)
    check_positive_number(f"{path}.log_scale_bound", bound)
    return Network(path, sizes["inputs"], sizes["outputs"], widths, float(bound), returns)


def _parse_shape(shape: Any, path: str, words: tuple[str, ...]) -> tuple[Any, ...]:
    def fits(entry: Any) -> bool:
        is_number = isinstance(entry, int) and not isinstance(entry, bool) and entry > 0
        return is_number or (isinstance(entry, str) and entry in words)

    if not isinstance(shape, (list, tuple)) or not all(map(fits, shape)):
        also = "".join(f" or {word!r}" for word in words)
        raise _refusal(path, shape, f"a shape: a list of positive whole numbers{also}")
    return tuple(shape)


def _parse_constraint(constraint: Any, path: str, rules: Rules) -> Any:
    if isinstance(constraint, Mapping) and "tfb" in constraint:
        inner = Rules(rules.sizes, False, False, rules.nodes)
        return _parse_call("tfb", constraint, path, inner)
    if isinstance(constraint, Mapping) and len(constraint) == 1 and set(constraint) <= {*INTERVALS}:
        ((form, ends),) = constraint.items()
        least = -math.inf if form == "between" else 0.0
        are_two = isinstance(ends, (list, tuple)) and len(ends) == 2
        if are_two and all(map(_is_finite, ends)) and least < ends[0] < ends[1]:
            return {form: [float(end) for end in ends]}
        positive = "positive " if form == "log_between" else ""
        raise _refusal(f"{path}.{form}", ends, f"two {positive}numbers, the lower first")
    if constraint is None or (isinstance(constraint, str) and constraint in NAMES):
        return constraint
    raise _refusal(path, constraint, FORMS)


def _parse_initial(initial: Any, path: str) -> Any:
    if isinstance(initial, Mapping):
        if len(initial) == 1 and set(initial) <= {"normal", "identity"}:
            (form,) = initial
            check_positive_number(f"{path}.{form}", initial[form])
            return dict(initial)
    elif initial is None or _is_finite(initial):
        return initial
    elif isinstance(initial, (list, tuple)) and _is_plain_list(initial):
        return _as_list(initial)
    raise _refusal(path, initial, INITIALS)


def _is_finite(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _is_plain_list(config: Any) -> bool:
    return all(
        _is_plain_list(item) if isinstance(item, (list, tuple)) else _is_finite(item)
        for item in config
    )


def _as_list(config: Any) -> Any:
    return [_as_list(item) if isinstance(item, (list, tuple)) else item for item in config]


def _list(names: Any) -> str:
    return ", ".join(map(repr, names))


def _nearest(word: Any, known: Any) -> str:
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _refusal(path: str, received: Any, expected: str) -> ValueError:
    text = repr(received)
    text = text if len(text) <= 80 else f"{text[:77]}..."
    return ValueError(f"{path}={text}: expected {expected}.")
