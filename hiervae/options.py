"""Options and their checks, for the authors of parts."""

from hiervae.utils.validation import (
    check_bool,
    check_choice,
    check_finite_number,
    check_increasing,
    check_number_between,
    check_positive_int,
    check_positive_number,
    check_seed,
)
from hiervae.utils.versioned import CheckedOption

__all__ = [
    "CheckedOption",
    "check_bool",
    "check_choice",
    "check_finite_number",
    "check_increasing",
    "check_number_between",
    "check_positive_int",
    "check_positive_number",
    "check_seed",
]
