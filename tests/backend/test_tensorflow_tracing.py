"""Scores on TensorFlow are traced as they are written, as Keras traces training."""

import numpy as np
import pytest

from tests.support.models import compiled, small_model

pytestmark = pytest.mark.backends("tensorflow")
X = np.ones((2, 3), dtype="float32")


@pytest.mark.parametrize("how", ["compile_function", "compile_rows", "compile_fixed"])
def test_a_function_that_branches_on_a_tensor_is_refused(how):
    """AutoGraph would rewrite it, which takes as long as all else of tracing."""
    import tensorflow as tf

    from hiervae.backend import tensorflow as backend

    def branching(x):
        return x + 1.0 if x[0, 0] > 0.0 else x

    def adding(x):
        return x + 1.0

    model = compiled(small_model())

    def call(function):
        run = getattr(backend, how)(model, function)
        x = tf.convert_to_tensor(X)
        return run(x) if how == "compile_function" else run([x])

    np.testing.assert_array_equal(call(adding), X + 1.0)
    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError):
        call(branching)
