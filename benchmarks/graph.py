"""Latent graphs of many nodes, built and asked for a path."""

from __future__ import annotations

import numpy as np

from benchmarks.worker import Job


def prepare(name: str, subject: str, size: int, seed: int, smoke: bool) -> Job:
    """Prepare a graph of `size` standard normal nodes, five per cent pruned, and one path."""
    from hiervae.manifold import LatentGraph

    dimension = int(name.removesuffix("d"))
    generator = np.random.default_rng(seed)
    nodes = generator.normal(size=(size, dimension))
    ends = generator.normal(size=(2, dimension))

    def run() -> None:
        graph = LatentGraph.from_latents(nodes, num_neighbors=10, prune_fraction=0.05)
        graph.interpolate_latents(*ends)

    return Job(run, 1)
