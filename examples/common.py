"""What several of the examples need: data, a record of the results, and speed."""

from __future__ import annotations

import argparse
import json
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

import hiervae
from hiervae.errors import DatasetNotFoundError


def load_binary_images(data_dir: Path | None, smoke: bool) -> hiervae.datasets.Dataset:
    """Static MNIST; for a smoke run without its files, generated images of the same shape."""
    return _load("static_mnist", data_dir, smoke, lambda images: (images > 0.5).astype("float32"))


def load_grey_images(data_dir: Path | None, smoke: bool) -> hiervae.datasets.Dataset:
    """MNIST in grey values; for a smoke run without its files, generated images."""
    return _load("mnist", data_dir, smoke, np.asarray, binarisation="none")


def _load(
    name: str, data_dir: Path | None, smoke: bool, convert: Any, **settings: Any
) -> hiervae.datasets.Dataset:
    try:
        return hiervae.datasets.load(name, data_dir=data_dir, **settings)
    except DatasetNotFoundError:
        if not smoke:
            raise
    print(f"The files of {name} are not here: using generated pendulums of 28x28 pixels instead.")
    drawn = hiervae.datasets.load(
        "pendulum", num_images=600, valid_size=200, test_size=200, image_size=28
    )
    train, valid, test = (convert(images) for images in (drawn.train, drawn.valid, drawn.test))
    return hiervae.datasets.Dataset(train, valid, test, drawn.info)


def training_options(summary: str, epochs: int, out: str) -> argparse.Namespace:
    """The options of an example that trains once, read from the command line; makes the folder.

    Args:
        summary: what the example does.
        epochs: of the training by default.
        out: folder of the results by default.
    """
    parser = argparse.ArgumentParser(description=summary, epilog="See the top of this file.")
    parser.add_argument("--data-dir", type=Path, help="folder of the data files")
    parser.add_argument("--epochs", type=int, default=epochs, help="(default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--smoke", action="store_true", help="one epoch on few images")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def steps_per_execution(steps: int) -> int:
    """So many steps in one call of the compiled function, where the backend can."""
    return 1 if keras.backend.backend() == "torch" else steps


def write_results(folder: Path, record: dict[str, Any], name: str = "results.json") -> None:
    """Write what was measured, with the versions it was measured with."""
    versions = {
        "backend": keras.backend.backend(),
        **{package: metadata.version(package) for package in ("hiervae", "keras", "numpy")},
    }
    text = json.dumps({**record, "versions": versions}, indent=2)
    (folder / name).write_text(text + "\n")
