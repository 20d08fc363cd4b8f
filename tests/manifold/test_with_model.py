"""Interpolation with a real model, whose latent space is that of its top level."""

import keras
import numpy as np
import pytest

from hiervae.manifold import LatentGraph, smoothness_profile
from tests.support.models import binary_data, small_model, vhp

X = binary_data(20)


@pytest.fixture(scope="module")
def model():
    built = small_model(latent_dims=(3, 2), prior=vhp())
    built.build((None, X.shape[1]))
    return built


def test_path_runs_between_encodings_and_is_decoded(model, tmp_path):
    graph = LatentGraph.from_prior(model, num_nodes=300, num_neighbors=8)
    np.testing.assert_array_equal(graph.nodes, model.sample_prior(300, seed=0))
    path = graph.interpolate(X[0], X[1])
    ends = model.encode(X[:2])[-1]
    np.testing.assert_allclose(path.latents[[0, -1]], ends, rtol=1e-5)
    assert path.decoded.shape == (len(path), X.shape[1])
    np.testing.assert_allclose(path.decoded, model.generate(path.latents), rtol=1e-5)
    graph.save(tmp_path / "graph.npz")
    again = LatentGraph.load(tmp_path / "graph.npz", model).interpolate(X[0], X[1])
    np.testing.assert_array_equal(again.node_ids, path.node_ids)
    np.testing.assert_array_equal(again.decoded, path.decoded)


def test_an_interpolation_leaves_the_generator_where_it_was(model):
    state = model.evaluation_generator.state
    graph = LatentGraph.from_prior(model, num_nodes=300, num_neighbors=8)
    model.reset_generator(7)
    before = np.array(keras.ops.convert_to_numpy(state))
    assert graph.interpolate(X[0], X[1]).lowest_log_density is not None
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(state), before)


def test_smoothness_has_the_shape_of_an_example(model):
    profile = smoothness_profile(
        model, X, num_graphs=2, num_pairs=5, num_nodes=3000, num_neighbors=3
    )
    assert profile.mean.shape == profile.std.shape == (X.shape[1],)
    assert (profile.mean > 0).all()
    assert profile.num_paths + profile.num_short + profile.num_unreachable == 10
