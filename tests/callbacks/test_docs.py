"""The page on monitoring runs, and its example is no posterior collapse."""

import os

import numpy as np
import pytest

from tests.support.snippets import run_page


@pytest.mark.slow
@pytest.mark.backends("jax")  # the fastest
def test_the_example_of_the_page_on_monitoring_learns(tmp_path):
    pytest.importorskip("matplotlib")
    names = {}
    assert run_page("monitoring.md", tmp_path, scope=names) == 1
    model, valid = names["model"], names["data"].valid
    logs = names["history"].history
    assert logs["val_kl"][-1] > 1.0
    shown = valid[:50]
    means = model.decode(model.encode(shown))
    spread = np.square(shown - shown.mean(axis=0)).sum(axis=(1, 2)).mean()
    assert np.square(means - shown).sum(axis=(1, 2)).mean() < 0.2 * spread  # else all are one ring
    assert np.square(means - means.mean(axis=0)).sum(axis=(1, 2)).mean() > 0.5 * spread
    assert len(os.listdir(tmp_path / "runs" / "a" / "figures")) == 8
