import pytest

from hiervae.errors import DamagedFileError
from hiervae.runs.callbacks import best_row, has_stopped
from hiervae.runs.history import read_history, write_history


def rows(losses, phases=None):
    phases = phases or [1.0] * len(losses)
    return [
        {"epoch": i + 1, "step": 10 * (i + 1), "val_loss": loss, "phase": phase}
        for i, (loss, phase) in enumerate(zip(losses, phases, strict=True))
    ]


def test_a_table_is_read_as_it_was_written(tmp_path):
    table = rows([0.1, 1 / 3, 1e-30])
    write_history(tmp_path / "history.csv", table)
    assert read_history(tmp_path / "history.csv") == table
    assert (tmp_path / "history.csv").read_text().count("\n") == 4


def test_epochs_beyond_the_checkpoint_are_left_out(tmp_path):
    table = rows([3.0, 2.0, 1.0])
    write_history(tmp_path / "history.csv", table)
    assert read_history(tmp_path / "history.csv", last_step=20) == table[:2]
    assert read_history(tmp_path / "history.csv", last_step=0) == []
    assert read_history(tmp_path / "none.csv") == []
    assert read_history(tmp_path / "none.csv", last_step=0) == []


@pytest.mark.parametrize("last_step", [5, 19, 40])
def test_a_history_that_does_not_lead_to_the_checkpoint_is_refused(tmp_path, last_step):
    write_history(tmp_path / "history.csv", rows([3.0, 2.0, 1.0]))
    for name in ("history.csv", "none.csv"):
        with pytest.raises(DamagedFileError, match=rf"{name} .* at step {last_step}, .*Restore"):
            read_history(tmp_path / name, last_step=last_step)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage\n",
        "a,b\n1,2\n",
        "epoch,loss\n",
        "epoch,step,loss\n1,2,x\n",
        "epoch,step,loss\n1,2\n",
        "epoch,step\n1,2,3\n",
        "epoch,step\n1,2\n3,6\n",
        "epoch,step\n2,4\n",
    ],
)
def test_a_damaged_table_is_refused(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(DamagedFileError, match=r"history\.csv"):
        read_history(tmp_path / "history.csv")


def test_the_best_row_has_the_lowest_finite_loss():
    assert best_row(rows([3.0, float("nan"), 1.0, 2.0]))["epoch"] == 3
    assert best_row(rows([1.0, 1.0]))["epoch"] == 1
    assert best_row([{"epoch": 1, "step": 1, "loss": 1.0}]) is None


def test_the_best_row_is_one_of_the_main_phase():
    assert best_row(rows([1.0, 3.0, 2.0], [0.0, 1.0, 1.0]))["epoch"] == 3
    assert best_row(rows([1.0, 3.0], [0.0, 0.0])) is None


@pytest.mark.parametrize(
    ("losses", "phases", "patience", "stopped"),
    [
        ([3, 2, 1], [1, 1, 1], 1, False),
        ([1, 2], [1, 1], 1, True),
        ([1, 2], [1, 1], 2, False),
        ([1, 2, 3], [1, 1, 1], 2, True),
        ([1, 2, 3], [0, 0, 1], 2, False),
        ([1, 2, 3, 4], [0, 0, 1, 1], 2, False),
        ([1, 2, 3, 4, 5], [0, 0, 1, 1, 1], 2, True),
        ([1, 2, 3, 4, 5], [0, 0, 0, 0, 0], 1, False),
        ([1, 2, 3], [1, 1, 1], None, False),
    ],
)
def test_patience_counts_epochs_of_the_main_phase(losses, phases, patience, stopped):
    assert has_stopped(rows(losses, phases), patience) is stopped
    if stopped:
        assert not has_stopped(rows(losses, phases)[:-1], patience)
