"""Names for configs that are used often."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from hiervae.options import check_choice, check_positive_int

from hiervae_tfp.grammar import HIDDEN_UNITS, LOG_SCALE_BOUND

DISPERSIONS = ("learned", "predicted")
LOG_RATE_BOUNDS = [-12.0, 12.0]
LOGIT_BOUNDS = [-12.0, 12.0]
FREEDOM_BOUNDS = [2.1, 200.0]
"""Degrees of freedom with a finite variance, up to nearly normal."""

NOISE = {
    "tfd": "Sample",
    "distribution": {"tfd": "Normal", "loc": 0.0, "scale": 1.0},
    "sample_shape": "size",
}
"""A standard normal vector."""


def full_covariance_mixture(size: int, num_components: int = 10) -> dict[str, Any]:
    """Return a mixture of normals with full covariances."""
    number = check_positive_int("num_components", num_components)
    return _mixture(
        number,
        {
            "tfd": "MultivariateNormalTriL",
            "loc": {"variable": [number, "size"], "initial": {"normal": 1.0}},
            "scale_tril": {"variable": [number, "size", "size"], "constraint": "scale_tril"},
        },
    )


def low_rank_mixture(size: int, num_components: int = 10, rank: int = 2) -> dict[str, Any]:
    """Return a mixture of normals whose covariances are diagonal plus a matrix of low rank."""
    number = check_positive_int("num_components", num_components)
    rank = check_positive_int("rank", rank)
    return _mixture(
        number,
        {
            "tfd": "MultivariateNormalDiagPlusLowRankCovariance",
            "loc": {"variable": [number, "size"], "initial": {"normal": 1.0}},
            "cov_diag_factor": {"variable": [number, "size"], "constraint": "positive"},
            "cov_perturb_factor": {
                "variable": [number, "size", rank],
                "initial": {"normal": 0.1},
            },
        },
    )


def masked_autoregressive_flow(
    size: int,
    num_layers: int = 4,
    hidden_units: Any = HIDDEN_UNITS,
    log_scale_bound: float = LOG_SCALE_BOUND,
) -> dict[str, Any]:
    """Return a masked autoregressive flow of a standard normal (Papamakarios et al. 2017)."""
    step = {
        "tfb": "MaskedAutoregressiveFlow",
        "shift_and_log_scale_fn": {
            "network": "autoregressive",
            "hidden_units": hidden_units,
            "log_scale_bound": log_scale_bound,
        },
    }
    return _flow(step, size, num_layers)


def real_nvp(
    size: int,
    num_layers: int = 4,
    hidden_units: Any = HIDDEN_UNITS,
    log_scale_bound: float = LOG_SCALE_BOUND,
) -> dict[str, Any]:
    """Return affine couplings of a standard normal (Dinh et al. 2017).

    Raises:
        ValueError: if the latent has one dimension.
    """
    if size < 2:
        raise ValueError(
            f"distribution='real_nvp' was given a latent of {size} dimension; expected two or "
            "more, since a coupling moves some dimensions by the others."
        )
    kept = size // 2
    step = {
        "tfb": "RealNVP",
        "num_masked": kept,
        "shift_and_log_scale_fn": {
            "network": "dense",
            "inputs": kept,
            "outputs": size - kept,
            "hidden_units": hidden_units,
            "log_scale_bound": log_scale_bound,
        },
    }
    return _flow(step, size, num_layers)


def made(size: int, num_components: int = 5, hidden_units: Any = HIDDEN_UNITS) -> dict[str, Any]:
    """Return mixtures of normals, each given the dimensions before it (Germain et al. 2015)."""
    number = check_positive_int("num_components", num_components)
    means = _spread(number, -1.0, 1.0)
    conditional = {
        "tfd": "MixtureSameFamily",
        "mixture_distribution": {"tfd": "Categorical", "logits": {"output": [number]}},
        "components_distribution": {
            "tfd": "Normal",
            "loc": {"output": [number], "initial": means},
            "scale": {
                "output": [number],
                "constraint": {"log_between": [0.01, 100.0]},
                "initial": 1.0,
            },
        },
    }
    return {
        "tfd": "Autoregressive",
        "distribution_fn": {
            "network": "autoregressive",
            "hidden_units": hidden_units,
            "returns": {
                "tfd": "Independent",
                "distribution": conditional,
                "reinterpreted_batch_ndims": 1,
            },
        },
    }


def poisson() -> dict[str, Any]:
    """Return Poisson counts whose log-rate the decoder predicts."""
    log_rate = {"output": [], "constraint": {"between": LOG_RATE_BOUNDS}}
    return {"tfd": "Poisson", "log_rate": log_rate}


def negative_binomial(dispersion: str = "learned") -> dict[str, Any]:
    """Return negative binomial counts; `total_count` is a weight per value or predicted."""
    return {
        "tfd": "NegativeBinomial",
        "total_count": _of_values(dispersion, {"log_between": [1e-2, 1e4]}, 1.0),
        "logits": {"output": [], "constraint": {"between": LOGIT_BOUNDS}},
        "require_integer_total_count": False,
    }


def student_t(dispersion: str = "learned") -> dict[str, Any]:
    """Return Student-t values; degrees of freedom and scale are weights per value or predicted."""
    return {
        "tfd": "StudentT",
        "df": _of_values(dispersion, {"log_between": FREEDOM_BOUNDS}, 5.0),
        "loc": {"output": []},
        "scale": _of_values(dispersion, {"log_between": [1e-3, 1e3]}, 1.0),
    }


def categorical(num_categories: int = 2) -> dict[str, Any]:
    """Return categories 0 ... K - 1 whose logits the decoder predicts."""
    number = _at_least_two("num_categories", num_categories)
    return {"tfd": "Categorical", "logits": {"output": [number]}}


def quantised_logistic_mixture(num_components: int = 5, levels: int = 256) -> dict[str, Any]:
    """Return a mixture of logistic distributions rounded to levels (Salimans et al. 2017)."""
    number = check_positive_int("num_components", num_components)
    top = _at_least_two("levels", levels) - 1.0
    location = {
        "output": [number],
        "constraint": {"between": [-0.5 * top, 1.5 * top]},
        "initial": _spread(number, 0.0, top),
    }
    scale = {
        "output": [number],
        "constraint": {"log_between": [0.1, 0.5 * top + 1.0]},
        "initial": 0.2 + 0.1 * top,
    }
    # A component rounds up, so that a level is what lies half a step to either side of it.
    shifted = {
        "tfd": "TransformedDistribution",
        "distribution": {"tfd": "Logistic", "loc": location, "scale": scale},
        "bijector": {"tfb": "Shift", "shift": -0.5},
    }
    return {
        "tfd": "MixtureSameFamily",
        "mixture_distribution": {"tfd": "Categorical", "logits": {"output": [number]}},
        "components_distribution": {
            "tfd": "QuantizedDistribution",
            "distribution": shifted,
            "low": 0.0,
            "high": top,
        },
    }


PRIORS: Mapping[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each
    for each in (
        full_covariance_mixture,
        low_rank_mixture,
        masked_autoregressive_flow,
        real_nvp,
        made,
    )
}
LIKELIHOODS: Mapping[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each
    for each in (poisson, negative_binomial, student_t, categorical, quantised_logistic_mixture)
}


ON_UNIT_INTERVAL = ("quantised_logistic_mixture",)
"""Likelihoods of levels 0 ... n whose data lies from 0 to 1."""


def expand(maker: Callable[..., dict[str, Any]], options: Mapping[str, Any], *size: int) -> Any:
    """Return the config that a shorthand stands for.

    Raises:
        ValueError: if there is no such option, or its value is refused.
    """
    accepted = [name for name in inspect.signature(maker).parameters if name != "size"]
    for name, value in options.items():
        if name not in accepted:
            raise ValueError(
                f"{name}={value!r}: expected one of the options of {maker.__name__}: "
                f"{', '.join(accepted) or 'it has none'}."
            )
    return maker(*size, **options)


def _at_least_two(name: str, value: Any) -> int:
    if check_positive_int(name, value) < 2:
        raise ValueError(f"{name}={value!r}: expected at least 2.")
    return int(value)


def _mixture(number: int, components: dict[str, Any]) -> dict[str, Any]:
    return {
        "tfd": "MixtureSameFamily",
        "mixture_distribution": {"tfd": "Categorical", "logits": {"variable": [number]}},
        "components_distribution": components,
    }


def _flow(step: dict[str, Any], size: int, num_layers: int) -> dict[str, Any]:
    """Steps with the dimensions reversed between them."""
    number = check_positive_int("num_layers", num_layers)
    reverse = {"tfb": "Permute", "permutation": list(range(size))[::-1]}
    bijectors = [step, *([reverse, step] * (number - 1))]
    return {
        "tfd": "TransformedDistribution",
        "distribution": NOISE,
        "bijector": {"tfb": "Chain", "bijectors": bijectors},
    }


def _of_values(dispersion: str, constraint: Any, initial: float) -> dict[str, Any]:
    """A weight for each value of an example, or a parameter that the decoder predicts."""
    form = check_choice("dispersion", dispersion, DISPERSIONS)
    shape = {"variable": ["event"]} if form == "learned" else {"output": []}
    return {**shape, "constraint": constraint, "initial": initial}


def _spread(number: int, low: float, high: float) -> list[float]:
    """Numbers at equal distances in an interval, the ends left out."""
    return [low + (high - low) * (index + 0.5) / number for index in range(number)]
