"""A model and how it is trained, as plain settings."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import keras

from hiervae.callbacks import BetaController, EarlyStopping
from hiervae.model import HierarchicalVAE
from hiervae.types import Config, Shape


@dataclass(frozen=True)
class Preset:
    """A model and how it is trained.

    Attributes:
        name: the preset's name.
        variant: "paper", or "code" for the settings of the authors' public code.
        model: arguments of `HierarchicalVAE`.
        optimizer: a Keras optimiser as a serialised config.
        scheduler: config of the beta scheduler, None for beta = 1.
        training: `epochs`, `batch_size`, and `early_stopping_patience`, None for no stopping.
        source: where the settings come from.
    """

    name: str
    variant: str
    model: Config
    optimizer: Config
    scheduler: Config | None
    training: Config
    source: str

    def build_model(
        self, input_shape: Shape, seed: int | None = None, steps_per_execution: int = 1
    ) -> HierarchicalVAE:
        """Return a built and compiled model.

        Args:
            input_shape: shape of one example.
            seed: of the initial weights and all noise.
            steps_per_execution: as in `keras.Model.compile`.

        Raises:
            ValueError: if `input_shape` is no shape.
        """
        if not isinstance(input_shape, (list, tuple)):
            raise ValueError(
                f"input_shape={input_shape!r}: expected the shape of one example, as (784,) or "
                "(28, 28)."
            )
        model = HierarchicalVAE(**copy.deepcopy(self.model), seed=seed)
        model.compile(
            optimizer=keras.optimizers.deserialize(copy.deepcopy(self.optimizer)),
            steps_per_execution=steps_per_execution,
        )
        model.build((None, *input_shape))
        return model

    def callbacks(self, monitor: str = "val_loss") -> list[keras.callbacks.Callback]:
        """Return the beta scheduler, and early stopping where the preset has some, for `fit`.

        Args:
            monitor: what early stopping watches; it needs validation data.
        """
        chain: list[keras.callbacks.Callback] = []
        if self.scheduler is not None:
            chain.append(BetaController(copy.deepcopy(self.scheduler)))
        patience = self.training["early_stopping_patience"]
        if patience is not None:
            chain.append(EarlyStopping(monitor, patience=patience, restore_best_weights=True))
        return chain
