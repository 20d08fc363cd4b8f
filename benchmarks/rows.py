"""What is measured: one row a piece of work."""

from __future__ import annotations

from dataclasses import dataclass, field

MODES = ("smoke", "quick", "all")
OWN = "hiervae"
PRESETS = (
    "vamp_vae",
    "vamp_hvae",
    "vamp_conv_hvae",
    "vamp_pixel_hvae",
    "vhp",
    "iwae",
    "ladder_vae",
    "bottom_up_vae",
    "vlae",
)


@dataclass(frozen=True)
class Row:
    """One piece of work.

    Attributes:
        name: "group/name".
        title: what the table calls it.
        unit: what one unit of the work is.
        sizes: units a round, or an epoch of training, by mode; a mode that is missing leaves the
            row out.
        references: what the package is compared with, by name, and the backend that runs it; None
            is the backend that is measured. Of "jax" and "torch" the one that suits is taken.
        bounds: the largest ratio of CPU time that is accepted, by backend.
        rounds: at most so many, where a round is long.
        start_up: the most seconds until the first result, by backend, where cores are free.
        growth: the most MiB that the rounds may take above the built model.
    """

    name: str
    title: str
    unit: str
    sizes: dict[str, int]
    references: dict[str, str | None] = field(default_factory=dict)
    bounds: dict[str, float] = field(default_factory=dict)
    rounds: int = 99
    start_up: dict[str, float] = field(default_factory=dict)
    growth: float | None = None

    @property
    def group(self) -> str:
        """The module that prepares the work."""
        return self.name.partition("/")[0]

    def subjects(self, backend: str) -> dict[str, str]:
        """Who does the work, and on which backend: the package first, then its reference."""
        found = {OWN: backend}
        wanted = "torch" if backend == "torch" else "jax"
        for name, runs_on in self.references.items():
            if runs_on is None or runs_on == wanted:
                found[name] = runs_on or backend
        return found


_HAND = {"jax": "jax", "torch": "torch"}
_TRAINING = {"jax": 1.05, "tensorflow": 1.5, "torch": 1.1}
_LOOSER = {"vhp": {"jax": 1.15}, "ladder": {"jax": 1.1}}
_SCORING = {"jax": 1.1, "tensorflow": 1.5, "torch": 1.1}


def _training(name: str, title: str, steps: int, hand: bool = False, quick: bool = True) -> Row:
    sizes = {"quick": steps, "all": steps} if quick else {"all": steps}
    if name == "standard":
        sizes["smoke"] = 2
    references = _HAND if hand else {}
    bounds = _TRAINING | _LOOSER.get(name, {}) if hand else {}
    return Row(f"training/{name}", title, "step", sizes, references, bounds)


def _scoring(
    name: str, title: str, examples: int, hand: bool = False, quick: bool = False, rounds: int = 5
) -> Row:
    sizes = {"all": examples}
    if quick:
        sizes["quick"] = examples
    if name == "hvae_vamp":
        sizes["smoke"] = 2
    references = _HAND if hand else {}
    bounds = _SCORING if hand else {}
    return Row(
        f"scoring/{name}", title, "example", sizes, references, bounds, rounds, growth=1024.0
    )


def _start_up(preset: str) -> Row:
    title = f"preset `{preset}`, nothing compiled before"
    return Row(f"startup/{preset}", title, "step", {"all": 1}, rounds=1, start_up={"jax": 15.0})


def _generation(name: str, title: str, count: int) -> Row:
    sizes = {"quick": count, "all": count}
    if name == "encode":
        sizes["smoke"] = 4
    return Row(f"generation/{name}", title, "example", sizes)


ROWS = (
    Row(
        "machine/product",
        "product of two 1000 x 1000 float32 matrices",
        "product",
        {"smoke": 1, "quick": 10, "all": 20},
        {"numpy": None},
    ),
    Row("machine/copy", "copy of 64 MB", "copy", {"quick": 5, "all": 10}),
    _training("standard", "one level, standard normal prior", 100, hand=True),
    _training("vamp", "one level, VampPrior K = 500", 60, hand=True),
    _training("vhp", "VHP K = 16 under REWO, pendulum", 100, hand=True),
    _training("hvae_vamp", "two-level HVAE, VampPrior K = 500", 40, hand=True),
    _training("ladder", "ladder L = 5, batch normalisation", 40, hand=True),
    _training("conv", "gated conv HVAE 28x28, VampPrior K = 500", 1, True, False),
    _training("pixelcnn", "PixelCNN HVAE 28x28, VampPrior K = 500", 1, True, False),
    Row(
        "rule/initial",
        "REWO to a constant beta, initial phase",
        "step",
        {"quick": 40, "all": 40},
        {"constant beta": None},
    ),
    Row(
        "rule/main",
        "REWO to a constant beta, main phase",
        "step",
        {"quick": 40, "all": 40},
        {"constant beta": None},
    ),
    _scoring("standard", "one level, standard normal prior", 20, hand=True, quick=True),
    _scoring("hvae_vamp", "two-level HVAE, VampPrior K = 500", 10, hand=True, quick=True),
    _scoring("vamp", "one level, VampPrior K = 500", 10, hand=True),
    _scoring("vhp", "VHP K = 16, pendulum", 4, hand=True),
    _scoring("ladder", "ladder L = 5, batch normalisation", 10, hand=True),
    _scoring("conv", "gated conv HVAE 28x28", 1, hand=True),
    _scoring("pixelcnn", "PixelCNN HVAE 28x28", 1, hand=True, rounds=3),
    *(_start_up(preset) for preset in PRESETS),
    _generation("encode", "`encode`, HVAE + VampPrior", 1000),
    _generation("decode", "`decode`", 1000),
    _generation("predict", "`predict`", 1000),
    _generation("sample", "`sample`", 1000),
    Row(
        "generation/pixelcnn",
        "PixelCNN 28x28, `sample` to a full forward pass a pixel",
        "image",
        {"all": 64},
        {"full passes": None},
        dict.fromkeys(("jax", "tensorflow", "torch"), 2.0),
        3,
    ),
    Row(
        "graph/2d",
        "graph of 1,000,000 nodes in 2-D and one path",
        "graph",
        {"all": 1_000_000},
        rounds=1,
    ),
    Row(
        "graph/16d",
        "graph of 60,000 nodes in 16-D and one path",
        "graph",
        {"all": 60_000},
        rounds=1,
    ),
    Row(
        "graph/32d",
        "graph of 100,000 nodes in 32-D and one path",
        "graph",
        {"smoke": 500, "all": 100_000},
        rounds=1,
    ),
)


def chosen(mode: str, only: list[str] | None = None) -> list[Row]:
    """The rows of a mode whose names begin with one of `only`; named rows whatever the mode.

    Raises:
        ValueError: if nothing is left.
    """
    if only:
        rows = [row for row in ROWS if row.name.startswith(tuple(only))]
    else:
        rows = [row for row in ROWS if mode in row.sizes]
    if not rows:
        names = ", ".join(row.name for row in ROWS)
        raise ValueError(f"No row's name begins with {only}; expected one of {names}.")
    return rows


def size_of(row: Row, mode: str) -> int:
    """Units a round; a row that a mode leaves out has the size of the next larger mode."""
    later = MODES[MODES.index(mode) :]
    return next(row.sizes[each] for each in later if each in row.sizes)
