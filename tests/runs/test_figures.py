"""What the figures of a run say of themselves."""

import numpy as np
import pytest

from hiervae.datasets import from_arrays
from hiervae.manifold import LatentGraph
from hiervae.runs import RunFolder, figures
from tests.support.models import binary_data, small_model


@pytest.mark.parametrize(
    ("options", "level", "axes"),
    [
        ({"latent_dims": 2}, None, ("unit 1", "unit 2")),
        ({"latent_dims": (4, 3, 2)}, "level 3 of 3", ("unit 1", "unit 2")),
        ({"latent_dims": (1, 1), "inference": "vlae"}, None, ("level 1", "level 2")),
    ],
)
def test_pictures_of_the_plane_say_which_latent_it_is(tmp_path, options, level, axes):
    model = small_model(**options)
    data = from_arrays(binary_data(40), test_fraction=0.5)
    writer = figures.FigureWriter(RunFolder(tmp_path), (0.0, 1.0), pytest.fail)
    seen = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            figures.plotting,
            "latent_space",
            lambda *_, path, **said: seen.update({path.stem: said}),
        )
        model.build((None, 6))
        writer.latent_space(model, data)
        means = figures.latent_means(model, data.train)
        graph = LatentGraph.from_latents(means, num_neighbors=4)
        path = graph.interpolate_latents(means[0], means[1])
        writer.graph("graph", model, data.train, graph, path, "0 to 1")
    assert {said["axis_labels"] for said in seen.values()} == {axes}
    of_level = "" if level is None else f" of {level}"
    assert seen["latent_space"]["title"] == f"posterior means{of_level}, test examples"
    assert seen["graph"]["title"] == ("0 to 1" if level is None else f"0 to 1, {level}")


def test_a_measure_that_cannot_be_taken_leaves_out_its_figure_alone(tmp_path):
    model, notes = small_model(latent_dims=3), []
    data = from_arrays(binary_data(12), train_labels=np.arange(12) % 3, test_fraction=0.1)
    assert len(data.test) == 1
    writer = figures.FigureWriter(RunFolder(tmp_path), (0.0, 1.0), notes.append)
    writer.latent_pca(model, data)
    assert writer.written == []
    assert notes == [
        "no figure latent_pca.png: x has shape (1, 6); expected (n, *event_shape) with n >= 2."
    ]
