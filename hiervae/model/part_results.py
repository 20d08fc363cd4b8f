"""What parts return to the model: refused where it would broadcast into a wrong number."""

from __future__ import annotations

import numbers
from typing import Any

from hiervae.errors import IncompatiblePluginError
from hiervae.inference.base import InferenceScheme
from hiervae.inference.passes import InferencePass, Level


def check_rows(what: str, values: Any, num_rows: int | None) -> None:
    """Refuse what is not one number a row, as far as the shape is known while a step is traced.

    Args:
        what: the method that returned it, for the message.
        values: expected of shape (n,).
        num_rows: n, None where it is not known.

    Raises:
        IncompatiblePluginError: if the shape is another.
    """
    shape = getattr(values, "shape", None)
    if shape is None:
        raise IncompatiblePluginError(
            f"{what} returned {values!r} of type {type(values).__name__}; expected a tensor of "
            "shape (n,), one number a row. Return one."
        )
    try:
        sizes = tuple(shape)
    except ValueError:  # TensorFlow: of unknown rank
        return
    if len(sizes) == 1 and (None in (sizes[0], num_rows) or sizes[0] == num_rows):
        return
    raise IncompatiblePluginError(
        f"{what} returned the shape {sizes}; expected one number a row, ({num_rows or 'n'},). Sum "
        "over all axes but the first, without keepdims."
    )


def check_structure(scheme: InferenceScheme) -> None:
    """Refuse a scheme that does not say what the prior governs.

    Raises:
        IncompatiblePluginError: if it does not.
    """
    structure = getattr(scheme, "structure", None)
    if structure not in ("stacked", "flat"):
        raise IncompatiblePluginError(
            f"{type(scheme).__name__} has structure = {structure!r}; expected 'stacked' where the "
            "prior governs z_L alone, or 'flat' where it governs all levels. Set it in the class."
        )


def check_features_shape(scheme: InferenceScheme) -> None:
    """Refuse a scheme that does not say, once it is built, what the likelihood gets.

    Raises:
        IncompatiblePluginError: if it does not.
    """
    shape: Any = getattr(scheme, "features_shape", None)
    is_shape = isinstance(shape, (tuple, list)) and len(shape) > 0
    if not is_shape or not all(isinstance(size, numbers.Integral) for size in shape):
        raise IncompatiblePluginError(
            f"{type(scheme).__name__} has features_shape = {shape!r} after build(); expected the "
            "shape of the decoder's features without their leading axis, such as (300,). Set it in "
            "build(), as hiervae.networks.base.build_block returns it."
        )


def check_pass(scheme: InferenceScheme, outcome: Any) -> None:
    """Refuse an inference pass that the model cannot take its terms from.

    Args:
        scheme: the inference scheme.
        outcome: what its `infer` or `infer_encoded` returned.

    Raises:
        IncompatiblePluginError: if it is no pass, has another number of levels, or a level that
            the prior does not govern lacks its `conditional_prior`.
    """
    num_levels = scheme.context.num_levels
    what = f"{type(scheme).__name__}.infer returned"
    if not isinstance(outcome, InferencePass):
        raise IncompatiblePluginError(
            f"{what} {type(outcome).__name__}; expected a hiervae.inference.InferencePass with the "
            "levels and the decoder's features."
        )
    levels = outcome.levels
    if len(levels) != num_levels or not all(isinstance(level, Level) for level in levels):
        raise IncompatiblePluginError(
            f"{what} the levels [{', '.join(type(level).__name__ for level in levels)}]; expected "
            f"{num_levels} of hiervae.inference.Level, z_1 first."
        )
    num_conditioned = num_levels - len(scheme.governed(levels))
    for number, level in enumerate(levels[:num_conditioned], start=1):
        if level.conditional_prior is None:
            raise IncompatiblePluginError(
                f"{what} level {number} without a conditional_prior; expected p(z_{number} | ...) "
                "there, since the model's prior does not govern the level. Give it, or set "
                'structure = "flat" where the prior governs all levels.'
            )
