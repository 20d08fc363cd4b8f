import pytest

from tests.support.snippets import run_page


@pytest.mark.backends("torch")  # what the snippets do is tested on every backend elsewhere
def test_the_page_runs(tmp_path):
    assert run_page("likelihoods.md", tmp_path) == 3
