import matplotlib
import matplotlib.pyplot
import numpy as np

from hiervae.plotting import image_grid, latent_space


def test_drawing_leaves_no_global_state(tmp_path):
    settings, figures = dict(matplotlib.rcParams), matplotlib.pyplot.get_fignums()
    image_grid(np.zeros((2, 4, 4)), tmp_path / "grid.png")
    latent_space(np.random.default_rng(0).normal(size=(9, 2)), path=tmp_path / "space.png")
    assert dict(matplotlib.rcParams) == settings
    assert matplotlib.pyplot.get_fignums() == figures
