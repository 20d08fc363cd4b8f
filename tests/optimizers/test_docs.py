import pytest

from tests.support.snippets import run_page


@pytest.mark.backends("torch")
def test_the_page_on_training_runs(tmp_path):
    assert run_page("training.md", tmp_path) == 9
