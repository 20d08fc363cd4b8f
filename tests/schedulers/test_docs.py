import pytest

from tests.support.snippets import run_page


@pytest.mark.backends("torch")
def test_the_page_on_schedulers_runs(tmp_path):
    shorter = {"(data.train,": "(data.train[:640],"}
    assert run_page("schedulers.md", tmp_path, shorter) == 4
