import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.plotting import beta_update_surface
from hiervae.schedulers.constant import Constant
from hiervae.schedulers.geco import GECO
from hiervae.schedulers.rewo import REWO


def changes(axes):
    """What a panel shows: violations, betas and the changes (betas, violations)."""
    mesh = axes.collections[0]
    grid = np.asarray(mesh.get_array())
    rows, columns = grid.shape
    return np.linspace(-1, 1, columns), np.linspace(0.01, 1, rows), grid


def test_panels_show_equations_5_and_11(tmp_path):
    rules = {"REWO": REWO(kappa=1.0, nu=1.0, tau=3.0), "GECO": GECO(kappa=5.0, nu=1.0)}
    figure = beta_update_surface(rules, tmp_path / "a.png", title="one step")
    rewo, geco, bar = figure.axes
    violations, betas, found = changes(rewo)
    beta, violation = betas[:, None], violations[None]
    factor = np.where(violation > 0, -1.0, np.tanh(3.0 * (beta - 1.0)))
    expected = np.minimum(beta * np.exp(factor * violation), 1.0) - beta
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(changes(geco)[2], beta * np.expm1(-violation), atol=1e-5)
    assert (rewo.get_title(), geco.get_title()) == ("REWO", "GECO")
    assert rewo.get_xlabel() == "violation d = (Ĉ - bound) / √D (nats)"
    assert (rewo.get_ylabel(), bar.get_ylabel()) == (
        "β before the update",
        "change of β in one update",
    )
    low, high = rewo.collections[0].get_clim()
    assert low == -high == geco.collections[0].get_clim()[0], "one scale, white at no change"
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_the_label_names_the_rule_s_unit():
    rule = REWO(kappa=1.0, normalised=False, update_every=7)
    (axes, _) = beta_update_surface({"raw": rule}, violation_range=(-5.0, 5.0)).axes
    assert axes.get_xlabel() == "violation d = Ĉ/D - κ² (nats per scalar)"
    assert np.abs(changes(axes)[2]).max() > 0.1


def test_bad_arguments():
    with pytest.raises(DataError, match="schedulers is empty"):
        beta_update_surface({})
    with pytest.raises(DataError, match="'flat' is a Constant; expected one that follows"):
        beta_update_surface({"flat": Constant()})
    with pytest.raises(ValueError, match=r"beta_range=\(0.0, 1.0\): expected positive"):
        beta_update_surface({"a": GECO(kappa=1.0)}, beta_range=(0.0, 1.0))
    with pytest.raises(ValueError, match="violation_range=.*two increasing"):
        beta_update_surface({"a": GECO(kappa=1.0)}, violation_range=(1.0, -1.0))
