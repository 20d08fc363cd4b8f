"""Files of a model: what is saved beside its weights, and what cannot be."""

from __future__ import annotations

import os
import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

from hiervae.model.core import ModelCore
from hiervae.model.fit_state import FitState
from hiervae.model.frozen import layers_of

OLD_FORMAT = (".h5", ".hdf5")

FIT_STATE = "fit_state"
"""Name under which the weights of a model hold what a `fit` knows beside them."""

WORKING_SEED = "working_seed"
"""Name under which they hold the seed that the order of the examples follows from."""


class SavingMethods(ModelCore):
    """Saving to, and building from, a file."""

    _quantized: bool = False
    _fit_state: FitState | None = None

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Save the whole model to a `.keras` file, as `keras.Model.save`.

        Raises:
            ValueError: if the file is to be one of Keras' old format, which could not be loaded,
                the model was quantised, or building it has failed.
        """
        if os.fspath(filepath).lower().endswith(OLD_FORMAT):
            raise ValueError(_old_format(f"save({os.fspath(filepath)!r})"))
        self._refuse_unsavable()  # before a file is opened, and overwritten
        super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def quantize(
        self, mode: Any = None, config: Any = None, filters: Any = None, **kwargs: Any
    ) -> None:
        """Quantise the weights for inference, as `keras.Model.quantize`; not to be undone.

        The quantised model is for use in this process: `save` refuses it.
        """
        # A function compiled before would go on with the weights of before.
        self.forget_compiled_functions()
        for layer in layers_of(self):
            if not layer.built and not layer.variables:
                layer.built = True  # such as Flatten, which Keras builds at its first call
        with warnings.catch_warnings():
            # Said of every layer that has no weights.
            warnings.filterwarnings("ignore", message=".*does not have a `quantize` method")
            super().quantize(mode, config=config, filters=filters, **kwargs)
        self._quantized = True

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build as the saved model was built; an error ends the loading, where Keras warns.

        Raises:
            ValueError: if the model cannot be built for that shape.
        """
        if config:
            self.build(config["input_shape"])

    def save_own_variables(self, store: Any) -> None:
        """Keep the random generators and the seed at work too, which Keras leaves out.

        While a `fit` with a callback that goes on with it runs, also what it knows beside them.

        Raises:
            ValueError: if the model was quantised, or building it has failed.
        """
        self._refuse_unsavable()
        super().save_own_variables(store)
        for index, state in enumerate(self.generator_states):
            store[f"generator_{index}"] = ops.convert_to_numpy(state)
        store[WORKING_SEED] = np.asarray(self.working_seed, dtype="int64")
        if self._fit_state is not None:
            store[FIT_STATE] = np.frombuffer(self._fit_state.encode(), dtype=np.uint8)

    def load_own_variables(self, store: Any) -> None:
        """Take up weights, random generators, and the seed at work unless the model has its own."""
        own = {key: store[key] for key in list(store.keys()) if not key.startswith("generator_")}
        working_seed = own.pop(WORKING_SEED, None)
        if working_seed is not None and self.seed is None:
            self.working_seed = int(np.asarray(working_seed))
        fit_state = own.pop(FIT_STATE, None)
        if fit_state is not None and self._fit_state is not None:
            self._fit_state.expect(np.asarray(fit_state).tobytes())
        super().load_own_variables(own)
        for index, state in enumerate(self.generator_states):
            state.assign(np.asarray(store[f"generator_{index}"]).astype(state.dtype))

    def refuse_lost_weights(self) -> None:
        """Refuse to make weights anew for a model that was trained, and loaded without them.

        Raises:
            ValueError: if the model has trained and is not built.
        """
        steps = self.control.loaded_step
        if steps and not self.built:
            raise ValueError(
                f"The model was trained for {steps} steps, and its file does not say "
                "for what shape it was built, so that its weights were not loaded; expected "
                "`build_config` in the file's config.json. Load an intact file."
            )

    def _refuse_unsavable(self) -> None:
        self.require_whole()
        if self._quantized:
            raise ValueError(
                "The model was quantised, and a file of it could not be loaded; expected one that "
                "was not. Save the model before you quantise it, and quantise it again after "
                "loading: `keras.models.load_model(path)`, then `model.quantize(mode)`."
            )


def refuse_old_format() -> None:
    """Refuse to give a config while Keras writes a file of its old format.

    `keras.saving.save_model` does not call the model's `save`. While it writes such a file, configs
    name layers in the way of old, without their module.

    Raises:
        ValueError: if such a file is being written.
    """
    probe = keras.Sequential([keras.layers.Identity(name="probe")]).get_config()
    if "module" not in probe["layers"][0]:
        raise ValueError(_old_format("save_model()"))


def _old_format(what: str) -> str:
    return (
        f"{what}: a model of several parts cannot be loaded from Keras' old HDF5 format; expected "
        "a path that ends in '.keras'. For weights alone use "
        "`model.save_weights('name.weights.h5')`."
    )
