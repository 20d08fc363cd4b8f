from benchmarks.reliability import numerics, report


def test_the_page_has_the_figures_of_the_records():
    page = report.PAGE.read_text()
    assert report.page_with(page, report.figures_of(report.read_records())) == page


GROWTH = {
    "work": "scores",
    "count": 500,
    "growth_mib": 4.5,
    "new_files": 0,
    "new_threads": 1,
    "new_programs": 2,
}


def test_tables_count_what_the_records_hold():
    counts = {"killed: equal": 3, "killed: all": 4, "full disk: all": 2, "full disk: equal": 2}
    records = {
        "kills": {"jax": {"counts": counts | {"full disk: file named": 1}}},
        "interrupts": {"torch": {"results": {"compile": {"whole": 9, "not finite": 1}}}},
        "determinism": {
            "torch": {"results": {"again": {"equal": True}}},
            "jax": {
                "results": {
                    "more": {"equal": False, "weights_apart": 1.23e-7, "score_apart": 0.0},
                    "threads": {"equal": False, "weights_apart": 0.0, "score_apart": 2e-7},
                }
            },
        },
        "endurance": {"jax": {"results": [GROWTH]}},
    }
    found = report.figures_of(records)
    assert "| killed | 3 of 4 |" in found
    assert "| full disk, file named | 1 of 2 |" in found
    assert "| compile | 9 of 10 |" in found
    assert "| again | equal | not run |" in found
    assert "| scores | 500: 4.5 MiB, 0 files, 1 threads, 2 programs |" in found
    assert "| more | not run | 1.2e-07 |" in found
    assert "| threads | not run | weights equal, score 2.0e-07 |" in found


def test_a_sample_of_compositions_holds_every_value_and_follows_from_the_seed():
    chosen = {"prior": list("abcde"), "inference": list("fghi"), "likelihood": list("jklm")}
    found = [numerics.compositions(chosen, 8, 0, case) for case in ("zeros", "zeros", "ones")]
    assert found[0] == found[1] != found[2]
    for sample in found:
        assert len(set(sample)) == 8
        assert [set(column) for column in zip(*sample, strict=True)] == [
            set(values) for values in chosen.values()
        ]
    assert len(set(numerics.compositions(chosen, None, 0, "zeros"))) == 80


def test_an_error_that_names_no_term_is_a_failure():
    verdict, detail = numerics._judge(ValueError("elbo is nan for example 7"))
    assert verdict == "failed"
    assert "elbo is nan" in detail
    assert numerics._judge(ValueError("the first term that went bad: kl_1"))[0] == "named"
