"""Variables that a function of TensorFlow makes, as weights of a Keras layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keras import ops

from hiervae_tfp.library import tensorflow


@contextmanager
def weights_of(layer: Any) -> Iterator[None]:
    """Let every `tf.Variable` made within be that of a weight of a layer.

    So optimisers, saving and freezing see those of TensorFlow Probability and of tf_keras. What is
    no floating-point number, such as a counter of tf_keras, is not trained.

    Args:
        layer: a Keras layer that is being built.
    """
    tf = tensorflow()
    inside = False
    names: list[str] = []

    def unused(name: str) -> str:
        names.append(name)
        return name if names.count(name) == 1 else f"{name}_{names.count(name) - 1}"

    def create(next_creator: Any, **options: Any) -> Any:
        nonlocal inside
        if inside:  # the variable of a weight, which Keras makes
            return next_creator(**options)
        initial, dtype = options["initial_value"], options.get("dtype")
        value = tf.convert_to_tensor(initial() if callable(initial) else initial, dtype)
        limit = options.get("constraint")
        inside = True
        try:
            weight = layer.add_weight(
                shape=tuple(value.shape),
                initializer=lambda shape, dtype=None: value,
                dtype=value.dtype.name,
                trainable=value.dtype.is_floating and options.get("trainable") is not False,
                autocast=False,
                constraint=limit and (lambda weight: limit(ops.convert_to_tensor(weight))),
                name=unused((options.get("name") or "variable").replace("/", "_")),
            )
        finally:
            inside = False
        return weight.value

    with tf.variable_creator_scope(create):
        yield
