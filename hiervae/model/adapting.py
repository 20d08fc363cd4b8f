"""Data-dependent initialisation of a model's parts."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from hiervae.model.core import ModelCore


class AdaptingMethods(ModelCore):
    """`adapt`, and whether it is due."""

    def adapt(self, x: Any) -> None:
        """Initialise from `x` the parts that want it (data-dependent initialisation).

        `fit` does so before the first step of a model's life, unless it was done by hand (which a
        saved model remembers). Parts that want examples are, for instance, the prior "vamp_data"
        and the likelihood bias of the IWAE protocol.

        Args:
            x: examples, shape (n, *event_shape).

        Raises:
            DataError: if there are too few of them for a part, or they cannot be used.
        """
        examples = self.examples("x", x, require_support=not self.dynamic_binarisation)
        order = np.random.default_rng(self.working_seed).permutation(len(examples))
        for part in self.parts:
            if part.num_examples_wanted:
                chosen = examples[order[: part.num_examples_wanted]]
                part.adapt(chosen.astype("float32", copy=False))
        self.control.adapted.assign(1)

    def needs_adapting(self) -> bool:
        """Whether parts want examples, and neither saw some nor were trained."""
        adapted = bool(keras.ops.convert_to_numpy(self.control.adapted))
        return self.training_step == 0 and not adapted and self.num_examples_wanted() > 0

    def num_examples_wanted(self) -> int:
        """Return how many examples the part wants that wants most."""
        return max(part.num_examples_wanted for part in self.parts)
