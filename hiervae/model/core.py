"""What the slices of a model share: its attributes, and the methods they use of one another."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from hiervae.backend import Compilable, StepAdapter, compile_function
from hiervae.distributions import DiagonalNormal
from hiervae.inference.base import InferenceScheme
from hiervae.likelihoods.base import Likelihood
from hiervae.model.control import ControlState
from hiervae.model.inputs import Expected
from hiervae.model.metrics import StepMetrics
from hiervae.model.objective import Objective, Terms
from hiervae.networks.base import Network
from hiervae.part import Part
from hiervae.priors.base import Prior
from hiervae.registry import ROLES, Role
from hiervae.types import Shape, Tensor
from hiervae.utils.batching import Array
from hiervae.utils.seeding import derive_seed
from hiervae.utils.validation import check_seed

MODEL_ROLES: tuple[Role, ...] = tuple(
    ROLES[name] for name in ("inference", "prior", "likelihood", "network")
)
"""The roles of the parts a model is composed of, in the order in which they are created."""


Compiler = Callable[[Compilable, Callable[..., Any]], Callable[..., Any]]
"""`compile_function` of the backend, `compile_rows` or `compile_fixed`."""


class ModelCore(StepAdapter, abc.ABC):
    """The attributes of a model, declared once for all slices.

    Attributes:
        latent_shapes: shapes of z_1 (nearest the data) ... z_L (top).
        objective: what the model is trained on.
        dynamic_binarisation: whether training values are probabilities of a one.
        seed: of the initial weights and of all noise, as the user gave it.
        working_seed: the same, or where it is None one drawn from Python's `random`.
        inference: the posterior and the generative structure it pairs with.
        prior: the density of the latent that no other latent conditions.
        likelihood: the density of an example.
        network: the deterministic blocks between the stochastic levels.
        control: counters and the scheduler's scalars.
        seed_generator: noise of training.
        evaluation_generator: noise of everything else.
        event_shape: shape of one example, None before the model is built.
        step_metrics: the metrics of a step, present once the model is built.
    """

    latent_shapes: tuple[Shape, ...]
    objective: Objective
    dynamic_binarisation: bool
    seed: int | None
    working_seed: int
    inference: InferenceScheme
    prior: Prior
    likelihood: Likelihood
    network: Network
    control: ControlState
    seed_generator: keras.random.SeedGenerator
    evaluation_generator: keras.random.SeedGenerator
    event_shape: Shape | None
    step_metrics: StepMetrics
    _why_broken: str | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that are layers: inference scheme, prior and likelihood."""
        return self.inference, self.prior, self.likelihood

    @property
    def num_levels(self) -> int:
        """Number of stochastic levels L."""
        return len(self.latent_shapes)

    @property
    def latent_dims(self) -> tuple[int, ...]:
        """Numbers of values of z_1 ... z_L; their shapes are `latent_shapes`."""
        return tuple(math.prod(shape) for shape in self.latent_shapes)

    @property
    def prior_dim(self) -> int:
        """Size of the latent vector that the prior governs."""
        return sum(self.inference.governed(self.latent_dims))

    @property
    def num_dimensions(self) -> int:
        """Number of scalars in one example.

        Raises:
            ValueError: if the model is not built.
        """
        if self.event_shape is None:
            raise ValueError(self._not_built("num_dimensions"))
        return int(np.prod(self.event_shape))

    @property
    def training_step(self) -> int:
        """Training steps (batches) over the model's life, across `fit` calls and reloads."""
        return int(ops.convert_to_numpy(self.control.step))

    @property
    def generator_states(self) -> list[keras.Variable]:
        """The state of every random generator in the model."""
        return [v for v in self.non_trainable_variables if v.name == "seed_generator_state"]

    @property
    def options_version(self) -> tuple[int, ...]:
        """Versions of the parts' options; equal to an earlier one only if no option changed."""
        return tuple(part.options_version for part in self.parts)

    @abc.abstractmethod
    def compiled_function(
        self,
        key: tuple[Any, ...],
        function: Callable[..., Any],
        compiler: Compiler = compile_function,
    ) -> Callable[..., Any]:
        """`function` compiled once for `key` and the options that the parts have now."""

    @abc.abstractmethod
    def forget_compiled_functions(self) -> None:
        """Compile everything anew from here on."""

    @abc.abstractmethod
    def check_trainable(self) -> None:
        """Refuse to train other weights than those that the optimiser was made for."""

    def terms(
        self,
        inputs: Tensor,
        training: bool = False,
        num_samples: int | None = None,
        closed_form: bool | None = None,
    ) -> Terms:
        """The terms of the objective for inputs (batch, *event_shape); see `call`."""
        terms: Terms = self(
            inputs,
            training=training,
            return_terms=True,
            num_samples=num_samples,
            closed_form=closed_form,
        )
        return terms

    def encoded_components(self, seed: Any) -> DiagonalNormal | None:
        """The posteriors of the prior's pseudo-inputs, None where it has none."""
        pseudo_inputs = self.prior.pseudo_inputs
        if pseudo_inputs is None:
            return None
        return self.inference.encode_components(pseudo_inputs, seed=seed)

    def check_examples(self, name: str, x: Any, require_support: bool = True) -> Array:
        """`x` as a float32 array of examples, building the model for its shape if need be.

        Args:
            name: how to call it in an error.
            x: what the user gave.
            require_support: whether values must lie in the likelihood's support; False lets all
                pass that lie in its range, such as greys under a likelihood of zeros and ones.

        Raises:
            DataError: if it is no array of examples the model can take.
        """
        array = self.examples(name, x, require_support)
        return array.astype("float32", copy=False)

    def examples(self, name: str, x: Any, require_support: bool = True) -> Array:
        """As `check_examples`; small integers keep their type.

        Raises:
            DataError: if it is no array of examples the model can take.
        """
        array = self.expected(require_support=require_support).examples(name, x)
        self.build_for(array)
        return array

    def expected(self, binarised: bool = False, require_support: bool = True) -> Expected:
        """What the model takes as examples now; see `hiervae.model.inputs.Expected`."""
        return Expected(self.event_shape, self.likelihood, binarised, require_support)

    def build_for(self, array: Array) -> None:
        """Build the model for the shape of checked examples, unless it is built already."""
        if not self.built:
            self.build((None, *array.shape[1:]))

    def require_built(self, what: str) -> None:
        """Refuse to go on without weights.

        Raises:
            ValueError: if the model is not built; the message calls `what` the culprit.
        """
        if not self.built:
            raise ValueError(self._not_built(what))

    def require_whole(self) -> None:
        """Refuse to go on with a model that has some of its weights.

        Raises:
            ValueError: if building it has failed.
        """
        if self._why_broken is not None:
            raise ValueError(
                f"The model could not be built and has some of its weights only "
                f"({self._why_broken}); expected one that is whole. Make another model."
            )

    def _not_built(self, what: str) -> str:
        return (
            f"{what} was called on a model that is not built yet; expected one that has seen "
            "data. Call `fit` first, or `model.build((None, *event_shape))`."
        )

    def reset_generator(self, seed: int | None, purpose: str = "evaluation") -> None:
        """Restart the generator of evaluation draws; None lets it go on.

        Args:
            seed: what the user chose.
            purpose: what is drawn. Noise for one purpose is independent of that for another, even
                with one seed: a posterior must not draw again what its example was made from.

        Raises:
            ValueError: if the seed is neither None nor an integer from 0 to 2^31 - 1.
        """
        seed = check_seed(seed)
        if seed is not None:
            state = self.evaluation_generator.state
            state.assign(np.array([derive_seed(seed, purpose), 0], dtype=state.dtype))

    @contextmanager
    def generator_kept(self) -> Iterator[None]:
        """Leave the generator of evaluation draws where it was before the context."""
        state = self.evaluation_generator.state
        before = ops.convert_to_numpy(state)
        try:
            yield
        finally:
            state.assign(before)
