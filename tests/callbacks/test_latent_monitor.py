import numpy as np
import pytest

from hiervae.callbacks.latent_monitor import LatentMonitor
from hiervae.errors import DataError

image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

x = np.random.default_rng(0).normal(size=(40, 4))


class Identity:
    """A stand-in for a model of two levels: z_1 = x, z_2 = -x, the prior on z_2."""

    training_step = 120
    event_shape = (4,)
    prior_dim = 4

    def encode(self, x):
        return [x, -x]

    def governed_latent(self, latents):
        return latents[-1]

    def sample_prior(self, num_samples, seed):
        return np.random.default_rng(seed).normal(size=(num_samples, 4))


def drawn(monitor, monkeypatch):
    """Arguments of the drawings, by the number of the drawing; the rehearsal is the first."""
    calls = []

    def record(points, values=None, **options):
        calls.append((points, values, options))
        return latent_space(points, values, **options)

    from hiervae.plotting import latent_space

    monkeypatch.setattr("hiervae.callbacks.latent_monitor.latent_space", record)
    monitor.set_model(Identity())
    monitor.on_train_begin()
    monitor.on_epoch_end(0)
    monitor.on_train_end()
    return calls[1:]


def test_posterior_means_and_prior_samples_of_the_governed_latent(tmp_path, monkeypatch):
    angles = np.linspace(0, 6, 40)
    monitor = LatentMonitor(
        x, tmp_path, every=1, values=angles, kind="angle", dimensions=(2, 0), seed=5
    )
    posterior, prior = drawn(monitor, monkeypatch)
    np.testing.assert_array_equal(posterior[0], -x[:, [2, 0]])
    assert posterior[1] is angles
    axes = {"axis_labels": ("dimension 2", "dimension 0")}
    assert posterior[2] == {"kind": "angle", **axes}
    expected = np.random.default_rng(5).normal(size=(40, 4))[:, [2, 0]]
    np.testing.assert_array_equal(prior[0], expected)
    assert prior[1:] == (None, axes)
    for name in ("posterior", "prior"):
        with image.open(tmp_path / f"{name}_0000120.png") as picture:
            assert min(picture.size) > 300


def test_pictures_go_to_tensorboard(tmp_path, read_events, monkeypatch):
    drawn(LatentMonitor(x, log_dir=tmp_path, every=1), monkeypatch)
    events = read_events(tmp_path / "latents")
    assert [event.step for event in events.Images("posterior")] == [120]
    assert [event.step for event in events.Images("prior")] == [120]


@pytest.mark.parametrize("dimensions", [(0,), (0, 4), (-1, 0), (0, 1, 2), (0.0, 1.0)])
def test_dimensions_that_the_latent_does_not_have(tmp_path, dimensions):
    monitor = LatentMonitor(x, tmp_path, dimensions=dimensions)
    monitor.set_model(Identity())
    with pytest.raises(DataError, match="cannot be drawn of a latent of size 4"):
        monitor.on_train_begin()


def test_values_and_kind_are_checked_before_training(tmp_path):
    for options, message in (
        ({"values": np.zeros(39)}, "values"),
        ({"values": np.zeros(40), "kind": "colour"}, "kind"),
    ):
        monitor = LatentMonitor(x, tmp_path, **options)
        monitor.set_model(Identity())
        with pytest.raises(ValueError, match=message):
            monitor.on_train_begin()
