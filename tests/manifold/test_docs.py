import pytest

from tests.support.snippets import run_page


@pytest.mark.backends("torch")
def test_the_page_on_interpolation_runs(tmp_path):
    shorter = {
        "data.train, batch_size=128, epochs=3": "data.train[:1280], batch_size=128, epochs=1"
    }
    assert run_page("interpolation.md", tmp_path, shorter) == 5
