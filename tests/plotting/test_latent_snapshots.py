import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.plotting import LatentSnapshot, latent_snapshots
from hiervae.plotting.style import RED

GENERATOR = np.random.default_rng(0)
STEPS = np.arange(0, 1000, 100)
BETA = np.geomspace(1e-3, 1.0, 10)


def snapshot(step, scale=1.0):
    means = scale * GENERATOR.normal(size=(50, 2))
    return LatentSnapshot(step, means, np.abs(means) + 0.1, GENERATOR.normal(size=(30, 2)))


def panels(figure):
    """Axes by row: posteriors, priors; then the beta panel."""
    left, right = figure.subfigs
    axes = [entry for entry in left.axes if entry.get_label() != "<colorbar>"]
    return axes[: len(axes) // 2], axes[len(axes) // 2 :], right.axes[0]


def test_columns_show_posterior_above_prior_and_beta_at_the_right(tmp_path):
    shown = [snapshot(100, 0.1), snapshot(500), snapshot(900, 3.0)]
    figure = latent_snapshots(shown, STEPS, BETA, tmp_path / "snapshots.png", title="REWO")
    above, below, beta = panels(figure)
    assert [axes.get_title() for axes in above] == ["step 100", "step 500", "step 900"]
    for entry, upper, lower in zip(shown, above, below, strict=True):
        np.testing.assert_array_equal(upper.collections[0].get_offsets(), entry.means)
        np.testing.assert_allclose(upper.collections[0].get_array(), np.mean(entry.stddevs, axis=1))
        np.testing.assert_array_equal(lower.collections[0].get_offsets(), entry.prior_samples)
        assert upper.get_xlim() == lower.get_xlim()
        assert upper.get_ylim() == lower.get_ylim()
        reach = np.abs(np.concatenate([entry.means, entry.prior_samples])).max(axis=0)
        assert max(map(abs, upper.get_xlim())) > reach[0]
        assert max(map(abs, upper.get_ylim())) > reach[1]
    assert len({upper.collections[0].get_clim() for upper in above}) == 1
    np.testing.assert_array_equal(beta.lines[0].get_xydata(), np.c_[STEPS, BETA])
    red = [line.get_xdata()[0] for line in beta.lines if line.get_color() == RED]
    assert red == [100, 500, 900]
    assert beta.get_yscale() == "log"


def test_one_snapshot_with_even_spread_is_drawn(tmp_path):
    entry = LatentSnapshot(0, np.zeros((5, 2)), np.ones((5, 2)), np.zeros((4, 2)))
    latent_snapshots([entry], [0], [1.0], tmp_path / "one.png")


def test_bad_arguments():
    entry = snapshot(1)
    with pytest.raises(DataError, match="snapshots is empty"):
        latent_snapshots([], STEPS, BETA)
    with pytest.raises(DataError, match="steps has shape"):
        latent_snapshots([entry], STEPS[:3], BETA)
    with pytest.raises(DataError, match="step 7 has 50 means and 49"):
        latent_snapshots(
            [LatentSnapshot(7, entry.means, entry.stddevs[1:], entry.prior_samples)], STEPS, BETA
        )
    with pytest.raises(DataError, match="prior_samples has 3 dimensions"):
        latent_snapshots(
            [LatentSnapshot(7, entry.means, entry.stddevs, np.zeros((4, 3)))], STEPS, BETA
        )
