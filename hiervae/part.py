"""What priors, inference schemes and likelihoods have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np

from hiervae.networks.base import Network
from hiervae.types import Shape
from hiervae.utils.batching import Array
from hiervae.utils.validation import check_positive_int
from hiervae.utils.versioned import VersionedOptions


@dataclass(frozen=True)
class ModelContext:
    """What a part may know of the model it is built into.

    Attributes:
        event_shape: shape of one example x.
        latent_dims: sizes of z_1 (nearest the data) ... z_L (top), the number of values of a level
            that is a tensor.
        prior_dim: size of the latent vector that the prior governs: z_L of a stacked structure,
            all levels concatenated of a flat one, each flattened.
        network: the deterministic blocks the inference scheme is to use.
        value_range: lowest and highest value of the likelihood's support; None is unbounded.
        components_are_drawn: whether the posteriors of pseudo-inputs are conditioned on a draw of
            lower levels, and so differ from call to call.
        latent_shapes: shapes of z_1 ... z_L, such as ((8, 8, 4), (16,)); left out, all levels are
            vectors.

    Raises:
        ValueError: if a shape has not as many values as `latent_dims` says.
    """

    event_shape: Shape
    latent_dims: tuple[int, ...]
    prior_dim: int
    network: Network
    value_range: tuple[float | None, float | None] = (None, None)
    components_are_drawn: bool = False
    latent_shapes: tuple[Shape, ...] = ()

    def __post_init__(self) -> None:
        if not self.latent_shapes:
            object.__setattr__(self, "latent_shapes", tuple((dim,) for dim in self.latent_dims))
        sizes = tuple(math.prod(shape) for shape in self.latent_shapes)
        if sizes != tuple(self.latent_dims):
            raise ValueError(
                f"latent_shapes={self.latent_shapes} have {sizes} values beside "
                f"latent_dims={self.latent_dims}; expected as many. Leave latent_shapes out where "
                "all levels are vectors."
            )

    @property
    def num_levels(self) -> int:
        """Number of stochastic levels L."""
        return len(self.latent_dims)


MAX_LATENT_SIZE = 1 << 20
"""The most values of a level; what is above is a slip, or a damaged file."""


def standardize_latent_shapes(latent_dims: Any) -> tuple[Shape, ...]:
    """Return the shapes of z_1 ... z_L.

    Args:
        latent_dims: one size, or one entry per level: a size, or the shape of a tensor.

    Raises:
        ValueError: if there is no level, or an entry is neither a size nor a shape, or too large.
    """
    several = _is_sequence(latent_dims)
    entries = tuple(latent_dims) if several else (latent_dims,)
    if not entries:
        raise ValueError("latent_dims=(): expected at least one size, such as (40,).")
    shapes = tuple(_latent_shape(f"latent_dims[{i}]", entry) for i, entry in enumerate(entries))
    if max(map(math.prod, shapes)) > MAX_LATENT_SIZE:
        raise ValueError(
            f"latent_dims={entries}: expected levels of at most {MAX_LATENT_SIZE} values, whose "
            "weights a machine can hold."
        )
    return shapes


def _latent_shape(name: str, entry: Any) -> Shape:
    if not _is_sequence(entry):
        return (check_positive_int(name, entry),)
    if not len(entry) or any(map(_is_sequence, entry)):
        raise ValueError(
            f"{name}={entry!r}: expected the size of a level that is a vector, such as 16, or the "
            "shape of one that is a tensor, such as (8, 8, 4)."
        )
    return tuple(check_positive_int(f"{name}[{axis}]", size) for axis, size in enumerate(entry))


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)


class Part(VersionedOptions, keras.layers.Layer):
    """A Keras layer that is composed into a model.

    The model calls `prepare(context)` once, before the part is built, so that a part knows the
    shapes and the network of the model without ever knowing the model.

    Options are given to the constructor. Those of a part of a model may be set later, as public
    attributes, if the class names them in `live_options`: they are read where they take effect,
    not in the constructor or `build()` alone. `options_version` grows with every such change, and
    the model compiles its functions anew.

    Attributes:
        interface_version: version of the extension interface the class was written for.
        live_options: names of options that may be set while the part belongs to a model.
    """

    interface_version: ClassVar[int] = 1

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._context: ModelContext | None = None

    def prepare(self, context: ModelContext) -> None:
        """Give the part what it may know of its model.

        Raises:
            ValueError: if the part was built already, in another model or before it was copied.
        """
        # A constructor that sets `built` leaves no shapes: what has nothing to build is taken.
        if self.built and (self._context is not None or self.get_build_config() is not None):
            raise ValueError(
                f"{type(self).__name__} {self.name!r} was given to a model, but was built before: "
                "it belongs to another one, or is a copy of such a part. Expected a part that is "
                "not built. Give a new instance, or its name or config."
            )
        self._context = context

    def add_weight(self, *args: Any, autocast: bool = False, **kwargs: Any) -> keras.Variable:
        """Create a weight, as of any Keras layer, that keeps its dtype inside the model.

        Args:
            *args: of `keras.layers.Layer.add_weight`.
            autocast: let a mixed-precision policy round the weight to its compute dtype.
            **kwargs: of `keras.layers.Layer.add_weight`.
        """
        return super().add_weight(*args, autocast=autocast, **kwargs)

    @property
    def num_examples_wanted(self) -> int:
        """How many training examples `adapt` is to be called with; 0, the default, is none."""
        return 0

    def adapt(self, examples: Array) -> None:
        """Initialise weights from training examples, before the first step of the first `fit`.

        `fit` calls it once in a model's life, for parts with `num_examples_wanted` > 0; whether
        it was done is part of the saved model. Assign to existing weights only.

        Args:
            examples: `num_examples_wanted` of them (all, where there are fewer), drawn at random
                with the model's seed: NumPy, shape (n, *event_shape), float32.
        """

    def check_ready(self) -> None:
        """Refuse to be used, where the part still lacks something; by default it never does.

        The model calls it before it compiles or runs a function that uses the parts, where weights
        have values to look at.

        Raises:
            ValueError: if the part cannot be used yet; the message says what it wants.
        """

    @property
    def context(self) -> ModelContext:
        """The model this part belongs to, as far as a part may know it.

        Raises:
            RuntimeError: if the part was not composed into a model yet.
        """
        if self._context is None:
            raise RuntimeError(
                f"{type(self).__name__} was used before it knew its model: expected "
                "`prepare(context)` first. Compose it into a HierarchicalVAE, or call "
                "`prepare(hiervae.part.ModelContext(...))` yourself."
            )
        return self._context
