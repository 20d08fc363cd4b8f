import pytest

from tests.support.snippets import run_page


@pytest.mark.backends("torch")
def test_the_page_on_inference_schemes_runs(tmp_path):
    assert run_page("inference.md", tmp_path) == 4
