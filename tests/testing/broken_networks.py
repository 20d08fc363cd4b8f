"""Networks that break the contract, by the check that has to catch it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from hiervae.networks import MLP
from hiervae.networks.blocks import DenseBlock


class Altered(MLP):
    """Perceptrons whose blocks are of another class."""

    block: Callable[..., keras.layers.Layer]

    def __init__(self, hidden_units: Any = (8,), **options: Any) -> None:
        super().__init__(hidden_units, **options)

    def _block(self, level: int, num_inputs: int, name: str) -> keras.layers.Layer:
        layers = [lambda: keras.layers.Dense(8, "tanh")]
        return type(self).block(layers, num_inputs, name=name)


class WrongShape(DenseBlock):
    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*super().compute_output_shape(input_shape)[:-1], 9)


class NoisyBlock(DenseBlock):
    def call(self, inputs: Any, training: bool = False) -> Any:
        output = super().call(inputs, training=training)
        return output + keras.random.normal(ops.shape(output))


class BatchBlock(DenseBlock):
    def call(self, inputs: Any, training: bool = False) -> Any:
        output = super().call(inputs, training=training)
        return output - ops.mean(output, axis=0)


class ConstantBlock(DenseBlock):
    def call(self, inputs: Any, training: bool = False) -> Any:
        return 0.0 * super().call(inputs, training=training)


class OverflowingBlock(DenseBlock):
    def call(self, inputs: Any, training: bool = False) -> Any:
        tensors = inputs if isinstance(inputs, list) else [inputs]
        size = sum(ops.sum(ops.abs(self.flatten(each)), axis=-1, keepdims=True) for each in tensors)
        return super().call(inputs, training=training) + 1e-9 * ops.exp(0.1 * size)


class LateBlock(DenseBlock):
    def call(self, inputs: Any, training: bool = False) -> Any:
        self.late = keras.layers.Dense(2)
        self.late.build((None, 3))
        return super().call(inputs, training=training)


class DeadBlock(DenseBlock):
    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.unused = self.add_weight(shape=(2,), initializer="zeros", name="unused")


class SingleBlock(DenseBlock):
    def __init__(self, layers: list[Any], num_inputs: int = 1, **kwargs: Any) -> None:
        super().__init__(layers, 1, **kwargs)


class AnnouncesAnotherShape(Altered):
    block = WrongShape


class IsRandomOutsideTraining(Altered):
    block = NoisyBlock


class MixesTheBatch(Altered):
    block = BatchBlock


class IgnoresItsInput(Altered):
    block = ConstantBlock


class OverflowsFarOut(Altered):
    block = OverflowingBlock


class CreatesLayersLate(Altered):
    block = LateBlock


class HasADeadWeight(Altered):
    block = DeadBlock


class TakesOneInput(Altered):
    block = SingleBlock


class ForgetsItsActivation(Altered):
    block = DenseBlock

    def get_config(self) -> dict[str, Any]:
        return {"hidden_units": self.hidden_units}


class ReturnsAFunction(MLP):
    def _block(self, level: int, num_inputs: int, name: str) -> Any:
        return ops.tanh


class ReturnsNothing(MLP):
    def data_block(self, input_shapes: Any, event_shape: Any) -> Any:
        return None


class TakesAnotherArgument(MLP):
    def data_block(self, input_shapes: Any, event_shape: Any, units: int) -> Any:
        return super().data_block(input_shapes, event_shape)


BROKEN = {
    AnnouncesAnotherShape: "blocks",
    IsRandomOutsideTraining: "blocks",
    MixesTheBatch: "blocks",
    IgnoresItsInput: "blocks",
    OverflowsFarOut: "blocks",
    CreatesLayersLate: "state",
    HasADeadWeight: "gradients",
    TakesOneInput: "inputs",
    ForgetsItsActivation: "config",
    ReturnsAFunction: "blocks",
    ReturnsNothing: "blocks",
    TakesAnotherArgument: "signature",
}
