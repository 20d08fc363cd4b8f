import importlib

import keras
import pytest

from benchmarks import __main__ as program
from benchmarks import rows, worker
from benchmarks.rows import OWN, ROWS, Row


def test_every_row_has_a_module_that_prepares_it():
    assert len({row.name for row in ROWS}) == len(ROWS)
    for group in {row.group for row in ROWS}:
        assert importlib.util.find_spec(f"benchmarks.{group}") is not None
    for row in ROWS:
        assert set(row.sizes) <= set(rows.MODES)
        assert "all" in row.sizes


def test_rows_are_chosen_by_mode_or_by_name():
    quick = rows.chosen("quick")
    assert quick == [row for row in ROWS if "quick" in row.sizes]
    assert [row.name for row in rows.chosen("smoke", ["graph/2d"])] == ["graph/2d"]
    assert {row.group for row in rows.chosen("quick", ["scoring", "graph"])} == {"scoring", "graph"}
    with pytest.raises(ValueError, match=r"begins with \['nothing'\]; expected one of machine/"):
        rows.chosen("quick", ["nothing"])


def test_a_row_that_a_mode_leaves_out_has_the_size_of_a_larger_one():
    row = Row("a/b", "", "", {"quick": 3, "all": 7})
    assert [rows.size_of(row, mode) for mode in rows.MODES] == [3, 3, 7]


def test_each_backend_is_compared_with_what_suits_it():
    row = Row("a/b", "", "", {}, {"jax": "jax", "torch": "torch"})
    assert row.subjects("jax") == {OWN: "jax", "jax": "jax"}
    assert row.subjects("tensorflow") == {OWN: "tensorflow", "jax": "jax"}
    assert row.subjects("torch") == {OWN: "torch", "torch": "torch"}
    other = Row("a/b", "", "", {}, {"numpy": None})
    assert other.subjects("torch") == {OWN: "torch", "numpy": "torch"}


def test_a_process_measures_a_round_a_line():
    with worker.started("graph/3d", OWN, keras.backend.backend(), 200, 0, True, 1) as process:
        cost = process.round()
        assert 0 < cost.cpu < 30
        assert process.facts["units"] == 1
        assert process.facts["peak_mib"] > 50


def test_what_a_process_says_of_its_failure_is_shown():
    with (
        pytest.raises(RuntimeError, match="invalid literal for int"),
        worker.started("graph/elsewhere", OWN, keras.backend.backend(), 200, 0, True, 1),
    ):
        pass


def test_threads_follow_the_cores():
    one = worker.environment_of("jax", 1)
    assert one["KERAS_BACKEND"] == "jax"
    assert one["OMP_NUM_THREADS"] == "1"
    assert "--xla_cpu_multi_thread_eigen=false" in one["XLA_FLAGS"]
    assert worker.environment_of("jax", 2)["OPENBLAS_NUM_THREADS"] == "2"


def test_more_cores_than_there_are_are_refused(capsys):
    with pytest.raises(SystemExit):
        program.parse(["--num-cores", "4096"])
    assert "--num-cores 4096: expected 1 to" in capsys.readouterr().err


def test_the_quick_rows_are_the_default():
    assert program.parse([]).mode == "quick"
    assert program.parse(["--smoke"]).mode == "smoke"
    assert len(program.parse([]).cores) == 1
