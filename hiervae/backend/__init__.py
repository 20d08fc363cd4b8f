"""The only package that imports a backend: one step adapter each, chosen by Keras' own setting.

Each adapter gives `StepAdapter`, a Keras model with `train_step` and `test_step` over the one
`batch_outcome` of its subclass; `compile_function`, which compiles a function that reads the
model's weights, `compile_rows`, the same for one of rows that the devices share, and
`compile_fixed`, again the same where rows come in few sizes; `repeat`, a loop inside such a
function; `has_accelerator`; `steps_wait`, whether a step returns when all is computed;
`keep_compiled_programs`, which keeps what is compiled for later processes; `restore_on_error`, the
context in which a model is trained or evaluated; `placement`, that in which its variables are made;
`matrix_product`, which keeps float32 where the backend would multiply with fewer digits;
`affine_map`, `padded_convolution`, `batch_normalised`, `largest` and `sum_cross_entropy`, which
backends are fast at in different ways; `trace`, which runs a function on tensors without values;
`MAX_STEPS_PER_EXECUTION`, the most training steps that Keras runs in one call; and
`DEFAULT_STEPS_PER_EXECUTION`, a number of them that makes small models fast.
"""

import keras

from hiervae.backend.step import Compilable, Examples, Gate, StepOutcome, check_weight_shape

if keras.backend.backend() == "jax":
    from hiervae.backend.fused import affine_map, batch_normalised, largest, sum_cross_entropy
    from hiervae.backend.jax import (
        DEFAULT_STEPS_PER_EXECUTION,
        MAX_STEPS_PER_EXECUTION,
        StepAdapter,
        compile_fixed,
        compile_function,
        compile_rows,
        has_accelerator,
        keep_compiled_programs,
        matrix_product,
        padded_convolution,
        placement,
        repeat,
        restore_on_error,
        steps_wait,
        trace,
    )
elif keras.backend.backend() == "tensorflow":
    from hiervae.backend.fused import batch_normalised, sum_cross_entropy
    from hiervae.backend.tensorflow import (  # type: ignore[assignment]
        DEFAULT_STEPS_PER_EXECUTION,
        MAX_STEPS_PER_EXECUTION,
        StepAdapter,
        affine_map,
        compile_fixed,
        compile_function,
        compile_rows,
        has_accelerator,
        keep_compiled_programs,
        largest,
        matrix_product,
        padded_convolution,
        placement,
        repeat,
        restore_on_error,
        steps_wait,
        trace,
    )
elif keras.backend.backend() == "torch":
    from hiervae.backend.torch import (  # type: ignore[assignment]
        DEFAULT_STEPS_PER_EXECUTION,
        MAX_STEPS_PER_EXECUTION,
        StepAdapter,
        affine_map,
        batch_normalised,
        compile_fixed,
        compile_function,
        compile_rows,
        has_accelerator,
        keep_compiled_programs,
        largest,
        matrix_product,
        padded_convolution,
        placement,
        restore_on_error,
        steps_wait,
        sum_cross_entropy,
        trace,
    )
    from hiervae.backend.torch_loop import repeat  # type: ignore[assignment]
else:
    raise ImportError(
        f"Keras runs on the backend {keras.backend.backend()!r}; hiervae supports 'jax', "
        "'tensorflow' and 'torch'. Set the environment variable KERAS_BACKEND to one of them."
    )

__all__ = [
    "DEFAULT_STEPS_PER_EXECUTION",
    "MAX_STEPS_PER_EXECUTION",
    "Compilable",
    "Examples",
    "Gate",
    "StepAdapter",
    "StepOutcome",
    "affine_map",
    "batch_normalised",
    "check_weight_shape",
    "compile_fixed",
    "compile_function",
    "compile_rows",
    "has_accelerator",
    "keep_compiled_programs",
    "largest",
    "matrix_product",
    "padded_convolution",
    "placement",
    "repeat",
    "restore_on_error",
    "steps_wait",
    "sum_cross_entropy",
    "trace",
]
