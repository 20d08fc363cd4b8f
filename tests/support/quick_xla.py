"""Switches of XLA that compile small models quickly.

Compiling is most of the time of a test. These take two thirds off it and change no result beyond
rounding. They must be in the environment before the backend is imported.
"""

import re
from importlib import metadata

EVERYWHERE = (
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_parallel_codegen_split_count=1",
)
OF_FORMER_VERSIONS = "--xla_cpu_use_fusion_emitters=false"
WITHOUT_IT = {"jax": (0, 11), "tensorflow": (2, 22)}
"""Versions from which on XLA may not know that switch, and then ends the process at once."""


def quick_flags() -> str:
    """What to set XLA_FLAGS to, for the JAX and the TensorFlow that are installed."""
    known = all(_version(name) < first for name, first in WITHOUT_IT.items())
    return " ".join((*EVERYWHERE, OF_FORMER_VERSIONS) if known else EVERYWHERE)


def _version(name: str) -> tuple[int, ...]:
    """The first two numbers of a version; (0, 0) of what is not installed."""
    try:
        text = metadata.version(name)
    except metadata.PackageNotFoundError:
        return (0, 0)
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])
