import keras
import numpy as np
import pytest

from hiervae.callbacks import KLMonitor
from hiervae.errors import DamagedFileError, DataError, HiervaeError
from hiervae.evaluation import KLHistory, kl_profile
from tests.support.models import binary_data, small_model, vhp

X = binary_data(40)


@pytest.fixture
def compiled():
    def make(**options):
        model = small_model(latent_dims=(3, 2), **options)
        model.compile(optimizer=keras.optimizers.SGD(0.01))
        model.build((None, X.shape[1]))
        return model

    return make


def fit(model, *callbacks, epochs=2, start=0):
    model.fit(
        X,
        batch_size=20,
        epochs=epochs,
        initial_epoch=start,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )


def test_moments_are_those_of_the_profile(compiled, tmp_path, read_events):
    model = compiled()
    monitor = KLMonitor(X, tmp_path / "kl.npz", tmp_path, every=2)
    fit(model, monitor, epochs=4)
    expected = kl_profile(model, X)
    assert monitor.history.steps.tolist() == [4, 8]
    for term in expected.terms:
        assert monitor.history.values[term.name][-1] == pytest.approx(term.value, rel=1e-5)
        np.testing.assert_allclose(monitor.history.units[term.name][-1], term.per_unit, rtol=1e-4)
    with np.load(tmp_path / "kl.npz") as arrays:
        read = KLHistory.from_arrays(dict(arrays))
    np.testing.assert_array_equal(read.units["kl_1"], monitor.history.units["kl_1"])
    events = read_events(tmp_path / "kl")
    assert set(events.Tags()["histograms"]) == {"kl_1 per unit", "kl_2 per unit"}
    last = events.Histograms("kl_1 per unit")[-1]
    assert last.step == 8
    assert last.histogram_value.num == 3
    assert last.histogram_value.sum == pytest.approx(expected.terms[0].value, rel=1e-5)


def test_training_is_the_same_with_it(compiled):
    plain, watched = compiled(prior=vhp()), compiled(prior=vhp())
    fit(plain)
    monitor = KLMonitor(X)
    fit(watched, monitor)
    for expected, found in zip(plain.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert list(monitor.history.units) == ["kl_1"]  # the VHP has no shares


def test_a_kl_without_units_leaves_no_event_file(tmp_path):
    model = small_model(prior=vhp())
    model.compile(optimizer=keras.optimizers.SGD(0.01))
    model.build((None, X.shape[1]))
    monitor = KLMonitor(X, log_dir=tmp_path / "events")
    fit(model, monitor)
    assert monitor.history.units == {}
    assert not list(tmp_path.rglob("events.out*"))
    (tmp_path / "file").touch()
    with pytest.raises(HiervaeError, match="Cannot write TensorBoard events"):
        fit(model, KLMonitor(X, log_dir=tmp_path / "file"))


def test_a_resumed_training_goes_on_with_its_file(compiled, tmp_path):
    model, path = compiled(), tmp_path / "kl.npz"
    fit(model, KLMonitor(X, path))
    first = KLMonitor(X, path)
    fit(model, first, epochs=3, start=2)
    assert first.history.steps.tolist() == [2, 4, 6]
    again = KLMonitor(X, path)
    fit(compiled(), again, epochs=1)  # a checkpoint of before all of them
    assert again.history.steps.tolist() == [2]


def test_a_monitor_without_a_file_begins_anew_with_another_model(compiled):
    monitor, model = KLMonitor(X), compiled()
    fit(model, monitor)
    fit(model, monitor, epochs=3, start=2)
    assert monitor.history.steps.tolist() == [2, 4, 6], "the same model goes on"
    other = small_model(latent_dims=(4, 2))
    other.compile(optimizer=keras.optimizers.SGD(0.01))
    fit(other, monitor, epochs=4)
    assert monitor.history.steps.tolist() == [2, 4, 6, 8]
    assert monitor.history.units["kl_1"].shape == (4, 4)


@pytest.mark.parametrize("content", [b"something else", b"", b"PK\x03\x04cut off"])
def test_a_file_of_something_else_is_refused(compiled, tmp_path, content):
    (tmp_path / "kl.npz").write_bytes(content)
    with pytest.raises(DamagedFileError, match="no history of the KL; delete the file") as refusal:
        fit(compiled(), KLMonitor(X, tmp_path / "kl.npz"))
    assert "pickle" not in str(refusal.value)


def test_wrong_examples_are_refused_before_training(compiled):
    model = compiled()
    with pytest.raises(DataError, match="x"):
        fit(model, KLMonitor(X[:, :3]))
    assert model.training_step == 0
    with pytest.raises(ValueError, match="every"):
        KLMonitor(X, every=0)


def test_a_full_disk_ends_the_measuring_alone(compiled, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hiervae.callbacks.kl_monitor.write_kl_history", full)
    model = compiled()
    with pytest.warns(RuntimeWarning, match="measures no more, training goes on: .*No space"):
        fit(model, KLMonitor(X, tmp_path / "kl.npz"))
    assert model.training_step == 4
