import json
from dataclasses import replace

import pytest

from benchmarks import __main__ as program
from benchmarks import records, tables
from benchmarks.records import Measured, Record, compared
from benchmarks.statistics import Cost

FACTS = {
    "import_s": 1.0,
    "prepare_s": 2.0,
    "first_round_s": 0.5,
    "units": 10,
    "peak_mib": 700.0,
    "flop": None,
    "start_up_cpu_s": 2.5,
    "ready_mib": 500.0,
}


def measured(seconds, units=10, flop=None):
    costs = [Cost(2 * each, each) for each in seconds]
    return Measured.of("jax", FACTS | {"units": units, "flop": flop}, costs)


@pytest.fixture
def record():
    rows = {
        "machine/product": {"hiervae": measured([1.0, 1.0], 10, 2e9)},
        "training/standard": {
            "hiervae": measured([1.1, 2.4, 1.0], 100, 1e7),
            "jax": measured([1.0, 2.0, 1.0], 100, 1e7),
        },
        "training/vhp": {"hiervae": measured([3e-4], 100)},
    }
    machine = {"processor": "P", "cores": 2, "load": 0.5}
    return Record("jax", "python -m benchmarks", 3, [1], "abc", {"python": "3.11"}, machine, rows)


def test_a_record_comes_back_from_its_file(record, tmp_path):
    file = tmp_path / "record.json"
    record.write(file)
    assert Record.read(file) == record
    assert json.loads(file.read_text())["seed"] == 3
    file.write_text("[]")
    with pytest.raises(ValueError, match=r"record\.json is no benchmark record"):
        Record.read(file)


def test_costs_are_those_of_a_unit(record):
    own = record.rows["training/standard"]["hiervae"]
    cpu = own.per_unit("cpu")
    assert (cpu.median, cpu.low, cpu.high) == pytest.approx((0.011, 0.01, 0.024))
    assert own.per_unit("wall").median == pytest.approx(0.022)
    assert own.start_up_s == 3.5
    assert own.rate == pytest.approx(1e7 / 0.011)
    assert record.product_rate() == pytest.approx(2e10)
    assert record.rows["training/vhp"]["hiervae"].rate is None


def test_the_ratio_is_that_of_the_pairs(record):
    ratio = record.ratio("training/standard", "cpu")
    assert (ratio.median, ratio.low, ratio.high) == pytest.approx((1.1, 1.0, 1.2))
    assert record.ratio("training/vhp", "cpu") is None


def test_a_ratio_counts_units_and_not_rounds(record):
    record.rows["training/standard"]["jax"] = measured([0.5, 1.0, 0.5], 50)
    assert record.ratio("training/standard", "cpu").median == pytest.approx(1.1)


def test_rows_above_their_bound_are_named(record):
    assert program.exceeded(record) == ["training/standard: 1.100, bound 1.05"]
    assert program.exceeded(replace(record, backend="tensorflow")) == []


def test_late_first_steps_and_much_memory_are_named(record):
    record.rows.clear()
    for name, facts in {
        "startup/vhp": {"first_round_s": 12.2},
        "startup/iwae": {"first_round_s": 11.9},
        "scoring/vamp": {"peak_mib": 1600.0, "ready_mib": 500.0},
        "scoring/vhp": {"peak_mib": 1500.0, "ready_mib": 500.0},
    }.items():
        record.rows[name] = {"hiervae": Measured.of("jax", FACTS | facts, [Cost(1.0, 1.0)])}
    assert program.exceeded(record) == [
        "scoring/vamp: 1100 MiB more, bound 1024",
        "startup/vhp: first step after 15.2 s, bound 15",
    ]
    assert program.exceeded(replace(record, backend="torch")) == [
        "scoring/vamp: 1100 MiB more, bound 1024"
    ]


def test_the_table_says_what_was_measured(record):
    table = tables.record_table(record)
    line = next(each for each in table.splitlines() if "standard normal prior" in each)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == [
        "one level, standard normal prior",
        "11 ms per step",
        "jax 10 ms",
        "1.10 (1.00 to 1.20)",
        "1.10 (1.00 to 1.20)",
        "1.05",
        "5 % of 20 GFLOP/s",
        "700 (+200) / 700 (+200) MiB",
        "3.5 s (CPU 2.5 s)",
    ]
    assert "3 µs per step" in table
    record.rows["training/standard"]["hiervae"] = measured([0.004, 0.005, 0.006], 100)
    assert "0.004 (0.0025 to 0.006)" in tables.record_table(record)
    assert table.index("The machine") < table.index("Training steps")
    section = tables.records_section([record])
    assert "seed 3, commit abc" in section
    assert "1 of 2 cores" in section


def test_records_are_compared_row_by_row(record):
    faster = {"training/standard": {"hiervae": measured([0.55], 100)}}
    new = replace(record, rows=faster, commit="def")
    assert compared(record, new) == {"training/standard": {"cpu": 0.5, "wall": 0.5}}
    assert "| one level, standard normal prior | 0.500 | 0.500 |" in tables.comparison_table(
        record, new
    )


def test_a_record_goes_on_with_one_made_by_the_same_means(record):
    empty = replace(record, rows={}, commit="def")
    joined = empty.continuing(record)
    assert joined.rows == record.rows
    assert joined.commit == "def"
    with pytest.raises(ValueError, match="write to another file"):
        replace(empty, seed=4).continuing(record)


def test_a_page_keeps_what_is_around_its_table(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n")
    tables.replace_section(page, "new")
    assert page.read_text() == f"before\n{tables.BEGIN}\n\nnew\n\n{tables.END}\nafter\n"
    page.write_text("nothing")
    with pytest.raises(ValueError, match=r"page\.md has no line"):
        tables.replace_section(page, "new")


def test_the_docs_show_the_committed_records(tmp_path):
    paths = sorted((program.DOCS / "benchmarks").glob("*.json"))
    assert paths
    page = tmp_path / "page.md"
    text = (program.DOCS / "benchmarks.md").read_text()
    page.write_text(text)
    tables.replace_section(page, tables.records_section([Record.read(path) for path in paths]))
    assert page.read_text() == text


def test_environment_names_what_takes_part():
    assert {"python", "keras", "numpy", "scipy"} <= set(records.versions())
    assert records.machine()["cores"] >= 1
