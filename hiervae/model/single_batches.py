"""Training, evaluation and prediction of single batches."""

from __future__ import annotations

from typing import Any

from hiervae.model.adapting import AdaptingMethods
from hiervae.model.checked_data import CheckedDataMethods, refuse_class_weight
from hiervae.model.compile_settings import CompileSettings
from hiervae.model.running import running


class SingleBatchMethods(CompileSettings, CheckedDataMethods, AdaptingMethods):
    """`train_on_batch` and the like, with their data checked as in `fit`."""

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step, as `keras.Model.train_on_batch`, on an array of examples.

        The data is checked as in `fit`. Parts that are initialised from data take this batch in the
        first step of the model's life; call `adapt` before to give them more.

        Raises:
            DataError: if an array is empty, not finite, or of the wrong shape or range.
            ValueError: if the model is not compiled, or `class_weight` is given.
        """
        self.require_compiled("train_on_batch")
        refuse_class_weight("train_on_batch", class_weight)
        expected = self.expected(self.dynamic_binarisation)
        x, y, sample_weight = self.checked_batch(x, y, sample_weight, expected)
        if self.needs_adapting():
            self.adapt(x)
        with running(self, train=None):
            logs = super().train_on_batch(x, y, sample_weight, return_dict=True)
        return logs if return_dict else [logs[name] for name in self.metrics_names]

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the metrics of one batch, as `keras.Model.test_on_batch`.

        Raises:
            DataError: if an array is empty, not finite, or of the wrong shape or range.
            ValueError: if the model is not compiled.
        """
        self.require_compiled("test_on_batch")
        x, y, sample_weight = self.checked_batch(x, y, sample_weight, self.expected())
        with running(self, copy=True, test=None, test_rows=None):
            logs = super().test_on_batch(x, y, sample_weight, return_dict=True)
        return logs if return_dict else [logs[name] for name in self.metrics_names]

    def predict_on_batch(self, x: Any) -> Any:
        """Return the reconstruction means of one batch, as `keras.Model.predict_on_batch`.

        Raises:
            DataError: if an array is empty, not finite, of the wrong shape or out of range.
        """
        x = self.examples("x", x, require_support=False)
        with running(self, copy=True):
            return super().predict_on_batch(x)
