"""Train every prior x scheme x likelihood on data and settings at the edge.

A case passes if two steps of training, the ELBO and draws are finite, or if the training stops with
an error of the package that names a term: the first that went bad, not the loss it is summed into.

    KERAS_BACKEND=torch python -m benchmarks.reliability.numerics --out numerics.json
    KERAS_BACKEND=torch python -m benchmarks.reliability.numerics --cases zeros ones --priors vhp
    KERAS_BACKEND=jax python -m benchmarks.reliability.numerics --sample 8 --out numerics.json

PyTorch and TensorFlow run operations one by one. JAX compiles each composition, which is faster
than each operation for each shape, and still takes seconds, so that a sample bounds the time: with
every value of each part, another one for each case.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

import hiervae
from benchmarks.records import machine, versions
from hiervae import registry
from hiervae.errors import HiervaeError

PARTS = ("prior", "inference", "likelihood")
SMALL: dict[str, dict[str, Any]] = {
    "mixture_of_gaussians": {"num_components": 3},
    "vamp": {"num_components": 3},
    "vamp_data": {"num_components": 1},
    "vhp": {"network": {"name": "mlp", "hidden_units": (6,)}, "num_importance_samples": 2},
    "pixelcnn": {"levels": 2, "num_layers": 2, "num_filters": 3},
}
COMPONENTS = {
    "mixture_of_gaussians": "num_components",
    "vamp": "num_components",
    "vhp": "num_importance_samples",
}
MANY_STEPS = 100
SUMS = {"loss", "elbo"}


@dataclass(frozen=True)
class Case:
    """One edge.

    Attributes:
        data: examples (n, *event_shape) of zeros and ones, by a generator.
        batch_size: rows a step.
        latent_dims: sizes of z_1 ... z_L.
        components: number of components or samples of a prior that has any.
        policy: dtype policy of the model.
        beta: constant factor of the KL.
    """

    data: Callable[[np.random.Generator], Any]
    batch_size: int = 4
    latent_dims: tuple[int, ...] = (3, 2)
    components: int | None = None
    policy: str | None = None
    beta: float | None = None


def _bits(num: int = 8, shape: tuple[int, ...] = (5, 4)) -> Callable[[np.random.Generator], Any]:
    return lambda generator: (generator.random((num, *shape)) < 0.4).astype("float32")


CASES = {
    "zeros": Case(lambda generator: np.zeros((8, 5, 4), "float32")),
    "ones": Case(lambda generator: np.ones((8, 5, 4), "float32")),
    "one example": Case(_bits(1)),
    "batch of 1": Case(_bits(4), batch_size=1),
    "latents of 1": Case(_bits(), latent_dims=(1, 1)),
    "latents of 1000": Case(_bits(), latent_dims=(1000, 1000)),
    "20000 dimensions": Case(_bits(4, (200, 100)), batch_size=2),
    "10 levels": Case(_bits(), latent_dims=(2,) * 10),
    "K = 1": Case(_bits(), components=1),
    "K = 10000": Case(_bits(), components=10_000),
    "mixed_float16": Case(_bits(), policy="mixed_float16"),
    "mixed_bfloat16": Case(_bits(), policy="mixed_bfloat16"),
    "beta = 1e-8": Case(_bits(), beta=1e-8),
    "beta = 1e8": Case(_bits(), beta=1e8),
}


@dataclass
class Outcome:
    """What became of a case.

    "finite", "named" (stopped with the term), "refused" (no components to vary) or "failed".
    """

    verdict: str
    detail: str = ""
    seconds: float = field(default=0.0)


def try_case(case: Case, names: dict[str, str], seed: int) -> Outcome:
    """Train, score and sample one composition."""
    settings = {role: {"name": name, **SMALL.get(name, {})} for role, name in names.items()}
    option = COMPONENTS.get(names["prior"])
    if case.components is not None:
        if option is None:
            return Outcome("refused", "no components")
        settings["prior"][option] = case.components
    x = case.data(np.random.default_rng(seed))
    start = time.perf_counter()
    try:
        outcome = _train(case, settings, x, seed)
    except (HiervaeError, ValueError) as error:
        outcome = Outcome(*_judge(error))
    except Exception as error:  # anything else is what the program looks for
        outcome = Outcome("failed", f"{type(error).__name__}: {str(error)[:200]}")
    outcome.seconds = round(time.perf_counter() - start, 2)
    return outcome


def spare_the_compiler(often: bool = False) -> None:
    """Let TensorFlow compile only what runs often, and JAX without what makes programs fast.

    Args:
        often: whether the functions that come next run many times.
    """
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_disable_most_optimizations", True)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.run_functions_eagerly(not often)


def _train(case: Case, settings: dict[str, Any], x: Any, seed: int) -> Outcome:
    spare_the_compiler()
    options = {} if case.policy is None else {"dtype": case.policy}
    model = hiervae.HierarchicalVAE(
        case.latent_dims,
        network={"name": "mlp", "hidden_units": (6,)},
        seed=seed,
        **settings,
        **options,
    )
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=keras.backend.backend() != "jax")
    rules = []
    if case.beta is not None:
        rules = [hiervae.callbacks.BetaController("constant", beta=case.beta)]
    logs = model.fit(x, batch_size=case.batch_size, callbacks=rules, verbose=0).history
    values = {
        "logs": [entry for series in logs.values() for entry in series],
        "weights": np.concatenate([np.ravel(weight) for weight in model.get_weights()]),
        "elbo": model.elbo(x, seed=0),
    }
    spare_the_compiler(model.likelihood.num_sampling_steps > MANY_STEPS)
    values["draws"] = model.sample(2, seed=0)
    bad = [name for name, value in values.items() if not np.isfinite(value).all()]
    return Outcome("failed", f"not finite: {', '.join(bad)}") if bad else Outcome("finite")


def _judge(error: Exception) -> tuple[str, str]:
    """Whether an error names the term that went bad; every other one is a failure."""
    text = str(error)
    found = re.search(r"(?:first term|the term) that went bad: ([\w, ]+)", text)
    if found is None:
        return "failed", f"{type(error).__name__}: {text[:160]}"
    first = found[1].split(", ")[0]
    return ("failed" if first in SUMS else "named"), f"first term: {first}"


def compositions(
    chosen: dict[str, list[str]], number: int | None, seed: int, case: str
) -> list[tuple[str, ...]]:
    """All combinations of the values, or a few of them that hold every value.

    Args:
        chosen: values by role.
        number: how many there are to be, at least as many as any role has values; None for all.
        seed: of the choice.
        case: by which the choice differs.
    """
    everything = list(itertools.product(*chosen.values()))
    if number is None or number >= len(everything):
        return everything
    generator = np.random.default_rng((seed, list(CASES).index(case)))
    columns = [
        [*itertools.islice(_in_rounds(values, generator), number)] for values in chosen.values()
    ]
    found = dict.fromkeys(zip(*columns, strict=True))
    for index in generator.permutation(len(everything)):
        if len(found) < number:
            found[everything[index]] = None
    return list(found)


def _in_rounds(values: list[str], generator: np.random.Generator) -> Iterator[str]:
    """The values in random order, again and again."""
    while True:
        yield from map(str, generator.permutation(values))


def main() -> int:
    """Run the cases that were asked for; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    for role in PARTS:
        parser.add_argument(f"--{role}s", nargs="*", help="default: all")
    parser.add_argument(
        "--sample",
        type=int,
        help="compositions a case, with every value of each part; default: all",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="file of the record, added to if it exists")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = {
        role: getattr(options, f"{role}s") or list(registry.available(_group(role)))
        for role in PARTS
    }
    fewest = max(map(len, chosen.values()))
    if options.sample is not None and options.sample < fewest:
        parser.error(f"--sample {options.sample}: expected at least {fewest}, the values of a part")
    counts: dict[str, dict[str, int]] = {}
    failures = []
    for name in options.cases:
        counts[name] = {}
        for combination in compositions(chosen, options.sample, options.seed, name):
            names = dict(zip(PARTS, combination, strict=True))
            outcome = try_case(CASES[name], names, options.seed)
            counts[name][outcome.verdict] = counts[name].get(outcome.verdict, 0) + 1
            if outcome.verdict == "failed":
                failures.append({"case": name, **names, "detail": outcome.detail})
                print(f"FAILED {name}: {' '.join(combination)}: {outcome.detail}", flush=True)
        print(f"{name}: {counts[name]}", flush=True)
        if options.out is not None:
            _add(options.out, options.seed, counts, failures)
    return 1 if failures else 0


def _add(path: Path, seed: int, counts: dict[str, Any], failures: list[dict[str, str]]) -> None:
    """Write the cases to a record; those that it holds already stay."""
    before = json.loads(path.read_text()) if path.exists() else {"counts": {}, "failures": []}
    earlier = [entry for entry in before["failures"] if entry["case"] not in counts]
    record = {
        "program": "benchmarks.reliability.numerics",
        "seed": seed,
        "machine": machine(),
        "versions": versions(),
        "counts": {**before["counts"], **counts},
        "failures": [*earlier, *failures],
    }
    path.write_text(json.dumps(record, indent=2) + "\n")


def _group(role: str) -> str:
    return "hiervae.inference" if role == "inference" else f"hiervae.{role}s"


if __name__ == "__main__":
    raise SystemExit(main())
