import pytest

from tests.support.snippets import run_page


@pytest.mark.backends("torch")
def test_the_page_on_interpolation_runs():
    shorter = {
        "data.train, batch_size=128, epochs=3": "data.train[:1280], batch_size=128, epochs=1"
    }
    assert run_page("interpolation.md", shorter) == 5
