"""The hierarchical variational autoencoder."""

from __future__ import annotations

import contextlib
import numbers
from dataclasses import replace
from typing import Any

import keras
from keras import ops

from hiervae import registry
from hiervae.backend import placement
from hiervae.likelihoods.base import log_prob_and_error
from hiervae.model.compiled import CompiledMethods, FunctionCache
from hiervae.model.control import ControlState
from hiervae.model.core import MODEL_ROLES
from hiervae.model.fitting import FittingMethods
from hiervae.model.fixed_settings import FixedSettings
from hiervae.model.frozen import (
    check_built,
    freeze_new_layers,
    frozen_record,
    layers_of,
    mark_built,
    thaw_and_freeze,
)
from hiervae.model.gates import GATED_ROLES
from hiervae.model.inspection import InspectionMethods
from hiervae.model.metrics import StepMetrics
from hiervae.model.objective import Objective, Terms, kl_terms
from hiervae.model.part_results import (
    check_features_shape,
    check_pass,
    check_rows,
    check_structure,
)
from hiervae.model.saving import SavingMethods, refuse_old_format
from hiervae.model.scoring import ScoringMethods
from hiervae.model.single_batches import SingleBatchMethods
from hiervae.networks.normalization import counts_all_rows
from hiervae.part import ModelContext, Part, standardize_latent_shapes
from hiervae.priors.base import fixed_normal
from hiervae.types import Config, Shape, Tensor
from hiervae.utils.seeding import construction_scope, derive_seed, draw_seed
from hiervae.utils.validation import check_bool, check_seed


@keras.saving.register_keras_serializable(package="hiervae")
class HierarchicalVAE(
    CompiledMethods,
    FixedSettings,
    FittingMethods,
    InspectionMethods,
    SavingMethods,
    ScoringMethods,
    SingleBatchMethods,
):
    """A hierarchical variational autoencoder composed of plugins.

    Every part is given by name, by a config such as `{"name": "vhp", "latent_dim": 2}`, as
    `"distribution:name"`, as a class or as an instance.

    Args:
        latent_dims: sizes of z_1 (nearest the data) ... z_L (top); one number for one level. A
            level may be a tensor, its size a shape: ((8, 8, 4), 16).
        inference: the posterior and the generative structure it pairs with.
        prior: the density of z_L, or of all levels of a flat structure.
        likelihood: the density of an example.
        network: the deterministic blocks between the stochastic levels.
        num_samples: posterior samples S in training and evaluation.
        bound: "elbo", or "importance_weighted" with K = `num_samples`.
        kl: "closed_form" where there is one, or "monte_carlo" everywhere (always so under the
            importance-weighted bound).
        monte_carlo_samples: draws of the importance-weighted bound that are averaged.
        free_bits: nats below which a level's mean KL is not pressed in training.
        dynamic_binarisation: take training values as probabilities of a one and draw zeros and
            ones anew in every step (evaluation takes data as it is).
        seed: of the initial weights and of all noise; None draws one from Python's `random`, so
            that `keras.utils.set_random_seed` repeats it.
        **kwargs: `name` and `dtype` of a Keras model.

    Raises:
        ValueError: if a size or choice is wrong.
        RegistryError: if a part cannot be found or resolved.

    Example:
        >>> model = HierarchicalVAE(latent_dims=2, prior="vhp", network={"name": "mlp"}, seed=0)
        >>> model.compile(optimizer="adam")
    """

    def __init__(
        self,
        latent_dims: int | tuple[int | tuple[int, ...], ...],
        inference: Any = "bottom_up",
        prior: Any = "standard_normal",
        likelihood: Any = "bernoulli",
        network: Any = "mlp",
        num_samples: int = 1,
        bound: str = "elbo",
        kl: str = "closed_form",
        monte_carlo_samples: int = 1,
        free_bits: float = 0.0,
        dynamic_binarisation: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.latent_shapes = standardize_latent_shapes(latent_dims)
        self.objective = Objective(bound, num_samples, monte_carlo_samples, kl, free_bits)
        self.dynamic_binarisation = check_bool("dynamic_binarisation", dynamic_binarisation)
        self.seed = check_seed(seed)
        self.working_seed = draw_seed() if self.seed is None else self.seed
        specs = {
            "inference": inference,
            "prior": prior,
            "likelihood": likelihood,
            "network": network,
        }
        with construction_scope(_seed_of_parts(self.seed), self.dtype_policy):
            for role in MODEL_ROLES:
                part: object = registry.create(role.group, specs[role.name], role.base_class())
                setattr(self, role.name, part)
        for each in (*self.parts, self.network):
            each.fix_options()
        self.seed_generator = self._generator("training")
        self.evaluation_generator = self._generator("evaluation")
        self.control = ControlState(name="control")
        self.event_shape = None
        self._functions = FunctionCache()
        self._trained_as = None
        self._tested_as = None
        self._frozen: Config = {}
        self._components_apart = False
        if not self.trainable:
            self.trainable = False  # freezes the parts, which were made since

    def _generator(self, purpose: str) -> keras.random.SeedGenerator:
        return keras.random.SeedGenerator(derive_seed(self.working_seed, purpose))

    def set_objective(self, **changes: Any) -> None:
        """Train on another bound from here on; call `compile` or `fit` afterwards.

        Weights, optimiser and control state stay, so that a trained model is fine-tuned, for
        instance with 10 importance samples averaged over 10 draws (Sønderby et al. 2016).

        Args:
            **changes: `bound`, `num_samples`, `monte_carlo_samples`, `kl` or `free_bits`, as in
                the constructor.

        Raises:
            ValueError: if there is no such setting, or a value is wrong.

        Example:
            >>> model = HierarchicalVAE(latent_dims=2)
            >>> model.set_objective(
            ...     bound="importance_weighted", num_samples=10, monte_carlo_samples=10
            ... )
        """
        known = self.objective.get_config()
        unknown = sorted(changes.keys() - known.keys())
        if unknown:
            raise ValueError(
                f"set_objective() received {', '.join(unknown)}; expected some of "
                f"{', '.join(known)}."
            )
        self.objective = Objective(**{**known, **changes})

    def control_values(self) -> dict[str, float]:
        """`beta`, `constraint` (C-hat, nats) and `phase` of the scheduler installed last."""
        return self.control.logged()

    def build(self, input_shape: Any) -> None:
        """Create all weights for examples of shape input_shape[1:].

        Raises:
            ValueError: if a dimension of the examples is unknown, the model was built for another
                shape, a part has a layer that its build() did not build, building the model has
                failed before, or its weights are missing from the file it was loaded from.
        """
        event_shape = tuple(input_shape[1:]) if isinstance(input_shape, (list, tuple)) else ()
        if not event_shape or not all(map(_is_size, event_shape)):
            raise ValueError(
                f"The model cannot be built for inputs of shape {input_shape}: expected (batch, "
                "*event_shape) with every size of the event known and positive, as (None, 784). "
                "Where a data set does not tell its sizes, call `model.build` first."
            )
        if self.event_shape is not None:
            if event_shape == self.event_shape:
                return
            raise ValueError(
                f"The model was to be built for examples of shape {event_shape}, but was built for "
                f"{self.event_shape}; expected one shape. Make another model."
            )
        self.require_whole()
        self.refuse_lost_weights()
        try:
            self._build_parts(event_shape)
        except BaseException as error:
            self._why_broken = f"{type(error).__name__}: {error}"
            raise
        self.event_shape = event_shape
        self.built = True

    def _build_parts(self, event_shape: Shape) -> None:
        check_structure(self.inference)
        context = ModelContext(
            event_shape=event_shape,
            latent_dims=self.latent_dims,
            latent_shapes=self.latent_shapes,
            prior_dim=self.prior_dim,
            network=self.network,
            value_range=self.likelihood.value_range,
            components_are_drawn=self.inference.components_are_drawn(self.num_levels),
        )
        for part in self.parts:
            part.prepare(context)
        known = {id(layer) for layer in layers_of(self)}
        with placement(self), construction_scope(self.seed, self.dtype_policy):
            self.inference.build((None, *event_shape))
            check_features_shape(self.inference)
            self.prior.build((None, self.prior_dim))
            self.likelihood.build((None, *self.inference.features_shape))
        joint = fixed_normal(self.prior) is None
        names = self.inference.kl_names(self.num_levels, joint)
        with placement(self):
            self.step_metrics = StepMetrics(
                ("loss", "elbo", "reconstruction", "kl", *names, "constraint")
            )
        # Their pass is not one of training then, so that no layer counts them among the data.
        self._components_apart = counts_all_rows(self.inference)
        freeze_new_layers(self, known)
        thaw_and_freeze(self, self._layers_by_role(), self._frozen)
        mark_built(self)
        for part in self.parts:
            check_built(part)

    def call(
        self,
        inputs: Tensor,
        training: bool = False,
        return_terms: bool = False,
        num_samples: int | None = None,
        closed_form: bool | None = None,
    ) -> Any:
        """Reconstruction means, or the terms of the objective.

        Args:
            inputs: x, shape (batch, *event_shape).
            training: whether this is a training step.
            return_terms: return `hiervae.model.objective.Terms` instead of means.
            num_samples: posterior samples of the terms; the model's own by default.
            closed_form: take KL terms in closed form; by default as the model was told.

        Returns:
            Means of shape (batch, *event_shape), decoded from posterior means, or the terms.
        """
        if tuple(inputs.shape[1:]) != self.event_shape:
            raise ValueError(
                f"Received inputs of shape {tuple(inputs.shape)}; the model was built for batches "
                f"of shape (batch, {', '.join(map(str, self.event_shape or ()))})."
            )
        inputs = ops.cast(inputs, "float32")
        if not return_terms:
            features = self.inference.infer(inputs, sample=False, training=training).features
            return self.likelihood.mean(self.likelihood(features))
        if closed_form is None:
            closed_form = self.objective.closed_form
        num_samples = num_samples or self.objective.total_samples
        return self._terms(inputs, training, num_samples, closed_form)

    def _terms(self, inputs: Tensor, training: bool, num_samples: int, closed_form: bool) -> Terms:
        seed = self.seed_generator if training else self.evaluation_generator
        outcome = self.inference.infer(
            inputs,
            pseudo_inputs=None if self._components_apart else self.prior.pseudo_inputs,
            num_samples=num_samples,
            seed=seed,
            training=training,
        )
        check_pass(self.inference, outcome)
        if self._components_apart:
            outcome = replace(outcome, components=self.encoded_components(seed))
        if num_samples > 1:
            inputs = ops.tile(inputs, (num_samples, *(1 for _ in inputs.shape[1:])))
        parameters = self.likelihood(outcome.features, training=training)
        log_likelihood, error = log_prob_and_error(self.likelihood, inputs, parameters)
        kl = kl_terms(outcome, self.inference, self.prior, closed_form, seed, training, inputs)

        likelihood = type(self.likelihood).__name__
        check_rows(f"{likelihood}.log_prob", log_likelihood, inputs.shape[0])
        check_rows(f"{likelihood}.reconstruction_error", error, inputs.shape[0])

        def unfold(values: Tensor) -> Tensor:
            return ops.reshape(values, (num_samples, -1))

        return Terms(
            unfold(log_likelihood),
            unfold(error),
            {name: unfold(entry) for name, entry in kl.items()},
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print how the model is composed, then Keras' table of layers."""
        write = print_fn or print
        write(f"HierarchicalVAE of {self.num_levels} level(s), latent_dims={self.latent_dims}")
        for role, record in self.part_records().items():
            source = "own class"
            if record["distribution"]:
                source = f"{record['distribution']} {record['version']}"
            write(f"  {role:<11} {record['name'] or type(getattr(self, role)).__name__} ({source})")
        settings = ", ".join(f"{k}={v}" for k, v in self.objective.get_config().items())
        write(f"  {'objective':<11} {settings}")
        super().summary(
            line_length=line_length,
            positions=positions,
            print_fn=print_fn,
            expand_nested=expand_nested,
            show_trainable=show_trainable,
            layer_range=layer_range,
        )

    def part_records(self, complete: bool = False) -> dict[str, Config]:
        """The parts by role, as `hiervae.registry.describe` writes them with this `complete`."""
        return {
            role.name: registry.describe(role.group, getattr(self, role.name), complete)
            for role in MODEL_ROLES
        }

    def get_config(self) -> Config:
        """Everything needed to rebuild the model, plugins by name, distribution and version.

        Raises:
            ValueError: if it is asked for to write a file of Keras' old format.
            IncompatiblePluginError: if a part's config cannot be written, or lacks an argument.
        """
        refuse_old_format()
        frozen = frozen_record(self, self._layers_by_role())
        return {
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "latent_dims": tuple(s[0] if len(s) == 1 else s for s in self.latent_shapes),
            **self.part_records(complete=True),
            **self.objective.get_config(),
            "dynamic_binarisation": self.dynamic_binarisation,
            "seed": self.seed,
            **({"frozen": frozen} if frozen else {}),
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> HierarchicalVAE:
        """Rebuild from `get_config()`, resolving plugins through the registry.

        Raises:
            RegistryError: if a plugin is not installed; the message says what to install.
        """
        config = dict(config)
        config["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
        frozen = config.pop("frozen", {})
        scope: Any = contextlib.nullcontext()
        if custom_objects:  # an empty scope would hide those of `load_model`
            scope = keras.saving.custom_object_scope(custom_objects)
        with scope:
            with construction_scope(_seed_of_parts(config["seed"]), config["dtype"]):
                for role in MODEL_ROLES:
                    record = config[role.name]
                    config[role.name] = registry.restore(role.group, record, role.base_class())
            model = cls(**config)
        thaw_and_freeze(model, model._layers_by_role(), frozen)
        model._frozen = frozen
        return model

    def _layers_by_role(self) -> dict[str, Part]:
        return {role: getattr(self, role) for role in GATED_ROLES}


def _is_size(size: Any) -> bool:
    return isinstance(size, numbers.Integral) and int(size) > 0


def _seed_of_parts(seed: int | None) -> str | None:
    """The seed of initialisers that parts make in their constructors, away from that of `build`."""
    return None if seed is None else f"parts {seed}"
