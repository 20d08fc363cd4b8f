"""The figures of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from hiervae import plotting
from hiervae.datasets import Dataset
from hiervae.errors import HiervaeError
from hiervae.evaluation import (
    KLHistory,
    RateDistortion,
    gibbs_chain,
    kl_profile,
    latent_pca,
    log_likelihood_histogram,
)
from hiervae.manifold import LatentGraph, Path
from hiervae.model import HierarchicalVAE
from hiervae.runs.data import SPLITS, examples_of, has_angles, held_out_split, labels_of
from hiervae.runs.folder import RunFolder
from hiervae.runs.history import Row
from hiervae.runs.metrics import latent_means

NUM_SHOWN = 20
NUM_PSEUDO_INPUTS = 64
NUM_POINTS = 5000
NUM_PROFILED = 1000
NUM_CHAINS = 20
NUM_LINKS = 20
"""The most steps of a Gibbs chain that are shown."""


class FigureWriter:
    """Draws the figures of a run into its folder.

    Without Matplotlib nothing is drawn, and what has a shape that cannot be drawn is left out; each
    with a note, since figures are no reason to fail.

    Args:
        folder: the run's folder.
        value_range: lowest and highest possible value of the data; None where unbounded.
        note: told in one line what is left out.

    Attributes:
        written: names of the figures drawn so far.
    """

    def __init__(
        self,
        folder: RunFolder,
        value_range: Sequence[float | None],
        note: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.note = note
        self.written: list[str] = []
        low, high = value_range
        self._range = None if low is None or high is None else (low, high)
        self._able = find_spec("matplotlib") is not None
        if not self._able:
            note('no figures, matplotlib is not installed: pip install "hiervae[monitoring]"')

    def reconstructions(self, model: HierarchicalVAE, dataset: Dataset) -> None:
        """Held-out examples, drawn at random since files may be sorted, above their means."""
        split = held_out_split(dataset)
        examples = examples_of(dataset, split)
        count = min(NUM_SHOWN, len(examples))
        chosen = examples[np.random.default_rng(0).choice(len(examples), count, replace=False)]
        means = model.decode(model.encode(chosen))
        self._draw_images(
            "reconstructions", plotting.reconstructions, chosen, means, title=f"{split} examples"
        )

    def samples(self, name: str, images: NDArray[Any], title: str) -> None:
        """New data in a grid."""
        self._draw_images(name, plotting.image_grid, images, title=title)

    def grid(self, name: str, images: NDArray[Any], title: str) -> None:
        """Images (rows, columns, *event_shape) in their grid."""
        frames = images.reshape(-1, *images.shape[2:])
        self._draw_images(
            name, plotting.image_grid, frames, num_columns=images.shape[1], title=title
        )

    def kl_levels(self, model: HierarchicalVAE, dataset: Dataset) -> None:
        """The KL of each level, of a model that has several."""
        if model.num_levels == 1:
            return
        split = held_out_split(dataset)
        examples = examples_of(dataset, split, NUM_PROFILED)

        def draw(**options: Any) -> None:
            profiles = {f"{len(examples)} {split} examples": kl_profile(model, examples)}
            plotting.kl_levels(profiles, **options)

        self._draw("kl_levels", draw)

    def pseudo_inputs(self, model: HierarchicalVAE) -> None:
        """The first pseudo-inputs of a prior that has some."""
        inputs = model.prior.pseudo_inputs
        if inputs is not None:
            shown = ops.convert_to_numpy(inputs[:NUM_PSEUDO_INPUTS])
            title = f"pseudo-inputs, {len(shown)} of {inputs.shape[0]}"
            self._draw_images("pseudo_inputs", plotting.image_grid, shown, title=title)

    def control(self, rows: list[Row], kappa_squared: float | None) -> None:
        """Beta and the constraint over training."""
        keys = ("step", "beta", "constraint", "phase")
        series = {key: [row[key] for row in rows] for key in keys}
        self._draw("control", plotting.control_history, series, kappa_squared=kappa_squared)

    def interpolation(self, name: str, path: Path, straight: NDArray[Any], title: str) -> None:
        """The decoded path above the straight line between its ends."""
        strips = {"graph": path, "straight line": straight}
        self._draw_images(name, plotting.interpolation_strip, strips, title=title)

    def latent_space(self, model: HierarchicalVAE, dataset: Dataset) -> None:
        """Posterior means of held-out examples in the plane, coloured by their labels."""
        if model.prior_dim != 2:
            return
        split = held_out_split(dataset)
        means = latent_means(model, examples_of(dataset, split, NUM_POINTS))
        labels = labels_of(dataset, split, NUM_POINTS)
        level, axis_labels = _plane_of(model)
        title = f"posterior means{level and ' of '}{level}, {split} examples"
        options: dict[str, Any] = {"title": title, "axis_labels": axis_labels}
        if labels is not None:
            angles = has_angles(dataset)
            options |= {
                "values": labels,
                "kind": "angle" if angles else "auto",
                "value_label": "angle (rad)" if angles else "label",
            }
        self._draw("latent_space", plotting.latent_space, means, **options)

    def latent_pca(self, model: HierarchicalVAE, dataset: Dataset) -> None:
        """Principal components of each level, coloured by labels; of latents beyond the plane."""
        split = held_out_split(dataset)
        labels = labels_of(dataset, split, NUM_POINTS)
        if labels is None or model.latent_dims == (2,):
            return
        angles = has_angles(dataset)

        def draw(**options: Any) -> None:
            levels = latent_pca(model, examples_of(dataset, split, NUM_POINTS))
            plotting.latent_pca(levels, **options)

        self._draw(
            "latent_pca",
            draw,
            values=labels,
            kind="angle" if angles else "auto",
            value_label="angle" if angles else "label",
            title=f"posterior means, {split} examples",
        )

    def kl_history(self, history: KLHistory) -> None:
        """The KL of each unit over training, of a model whose prior splits it into units."""
        if history.units:
            self._draw("kl_history", plotting.kl_history, history)

    def log_likelihoods(self, split: str, scores: NDArray[Any], num_samples: int) -> None:
        """How the log-likelihoods of single examples are spread."""

        def draw(**options: Any) -> None:
            counted = log_likelihood_histogram({f"{len(scores)} {split} examples": scores})
            plotting.log_likelihood_histogram(counted, **options)

        self._draw(
            f"log_likelihoods_{split}",
            draw,
            title=f"log-likelihood with {num_samples} importance sample{'s' * (num_samples > 1)}",
        )

    def rate_distortion(self, metrics: Mapping[str, Any]) -> None:
        """The splits that were scored, by the KL and the reconstruction term of their ELBO."""
        points = {
            split: RateDistortion(metrics[split]["kl"], metrics[split]["reconstruction"], {})
            for split in SPLITS
            if "kl" in metrics.get(split, {})
        }
        self._draw("rate_distortion", plotting.rate_distortion, points)

    def graph(
        self,
        name: str,
        model: HierarchicalVAE,
        examples: NDArray[Any],
        graph: LatentGraph,
        path: Path,
        title: str,
    ) -> None:
        """The graph over the latent plane with the examples' means, and a path through it."""
        if model.prior_dim != 2:
            return
        level, axis_labels = _plane_of(model)
        self._draw(
            name,
            plotting.latent_space,
            latent_means(model, examples[:NUM_POINTS]),
            graph=graph,
            interpolations=path,
            title=f"{title}{level and ', '}{level}",
            axis_labels=axis_labels,
        )

    def _draw_images(
        self, name: str, function: Callable[..., Any], *arguments: Any, **options: Any
    ) -> None:
        self._draw(name, function, *arguments, value_range=self._range, **options)

    def _draw(
        self, name: str, function: Callable[..., Any], *arguments: Any, **options: Any
    ) -> None:
        """Draw one figure by a function of `hiervae.plotting` that takes a `path`.

        A measure that is taken for the figure alone belongs into the function: where it cannot be
        had, such as of too few examples, that is told as well.

        Raises:
            HiervaeError: if it is of a model that was replaced since it was loaded.
            OSError: if the file cannot be written.
        """
        if not self._able:
            return
        self.folder.require_loaded_model()
        self.folder.figures.mkdir(parents=True, exist_ok=True)
        path = self.folder.figures / f"{name}.png"
        try:
            function(*arguments, path=path, **options)
        except HiervaeError as error:
            self.note(f"no figure {path.name}: {error}")
        else:
            self.written.append(path.name)


def _plane_of(model: HierarchicalVAE) -> tuple[str, tuple[str, str]]:
    """Which level a governed latent of two dimensions is, if one of several, and its axes."""
    levels = model.inference.governed(range(1, model.num_levels + 1))
    if len(levels) == 2:
        return "", (f"level {levels[0]}", f"level {levels[1]}")
    level = f"level {levels[0]} of {model.num_levels}" if model.num_levels > 1 else ""
    return level, ("unit 1", "unit 2")


def new_data(
    model: HierarchicalVAE,
    num: int,
    seed: int,
    noise: bool = False,
    component: int | None = None,
) -> tuple[NDArray[Any], str]:
    """Means of the likelihood at samples of the prior, or draws from the likelihood.

    Args:
        model: a built model.
        num: how many.
        seed: of the draws.
        noise: draw from the likelihood. So it is in any case where `mean` is not the mean of what
            is drawn, as with a PixelCNN.
        component: number of the one component of a mixture prior to draw from.

    Returns:
        Shape (num, *event_shape), and what they are.

    Raises:
        ValueError: if the prior has no such component.
    """
    origin = "the prior" if component is None else f"component {component} of the prior"
    if noise or not model.likelihood.mean_is_exact:
        return model.sample(num, seed=seed, component=component), f"samples from {origin}"
    latent = model.sample_prior(num, seed=seed, component=component)
    return model.generate(latent), f"means of samples of {origin}"


def chains_of(
    model: HierarchicalVAE, num: int, seed: int, noise: bool, num_steps: int
) -> tuple[NDArray[Any], NDArray[Any], list[int], str]:
    """Run Gibbs chains from samples of the model.

    Args:
        model: a built model.
        num: how many chains.
        seed: of the draws.
        noise: show draws from the likelihood instead of the means that they were drawn from. So it
            is in any case where `mean` is not the mean of what is drawn.
        num_steps: of each chain.

    Returns:
        What the chains end with, (num, *event_shape); some of them, a row each, from their start to
        their end, (rows, columns, *event_shape); the steps of the columns; and whether they are
        "draws" or "means".
    """
    draws = noise or not model.likelihood.mean_is_exact
    current = shown = model.sample(num, seed=seed)
    if not draws:
        # The generator goes on as in `sample`: the levels below are those behind its draws.
        shown = model.generate(model.sample_prior(num, seed=seed), sample=True)
    columns = [shown[:NUM_CHAINS]]
    links = min(num_steps, NUM_LINKS)
    steps = [round(num_steps * link / links) for link in range(links + 1)]
    for first, last in pairwise(steps):
        count = last - first
        chain = gibbs_chain(model, current, count, count, seed if first == 0 else None)
        current = chain.samples[0]
        shown = current if draws else chain.means[0]
        columns.append(shown[:NUM_CHAINS])
    return shown, np.stack(columns, axis=1), steps, "draws" if draws else "means"
