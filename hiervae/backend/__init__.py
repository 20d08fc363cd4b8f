"""The only package that imports a backend: one step adapter each, chosen by Keras' own setting.

Each adapter gives `StepAdapter`, the mixin with `train_step` and `test_step`; `compile_function`,
which compiles a function that reads the model's weights; `values_kept`, the context in which a
model is trained; `with_event_shape`, which tells a batch the sizes of its examples where they are
not known; `matrix_product`, which keeps float32 where the backend would multiply with fewer
digits; `MAX_STEPS_PER_EXECUTION`, the most training steps that Keras runs in one call; and
`DEFAULT_STEPS_PER_EXECUTION`, a number of them that makes small models fast.
"""

import keras

if keras.backend.backend() == "jax":
    from hiervae.backend.jax import (
        DEFAULT_STEPS_PER_EXECUTION,
        MAX_STEPS_PER_EXECUTION,
        StepAdapter,
        compile_function,
        matrix_product,
        values_kept,
        with_event_shape,
    )
elif keras.backend.backend() == "tensorflow":
    from hiervae.backend.tensorflow import (  # type: ignore[assignment]
        DEFAULT_STEPS_PER_EXECUTION,
        MAX_STEPS_PER_EXECUTION,
        StepAdapter,
        compile_function,
        matrix_product,
        values_kept,
        with_event_shape,
    )
elif keras.backend.backend() == "torch":
    from hiervae.backend.torch import (  # type: ignore[assignment]
        DEFAULT_STEPS_PER_EXECUTION,
        MAX_STEPS_PER_EXECUTION,
        StepAdapter,
        compile_function,
        matrix_product,
        values_kept,
        with_event_shape,
    )
else:
    raise ImportError(
        f"Keras runs on the backend {keras.backend.backend()!r}; hiervae supports 'jax', "
        "'tensorflow' and 'torch'. Set the environment variable KERAS_BACKEND to one of them."
    )

__all__ = [
    "DEFAULT_STEPS_PER_EXECUTION",
    "MAX_STEPS_PER_EXECUTION",
    "StepAdapter",
    "compile_function",
    "matrix_product",
    "values_kept",
    "with_event_shape",
]
