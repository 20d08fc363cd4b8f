import pytest

from tests.support.snippets import run_page


@pytest.mark.backends("torch")
def test_the_page_on_schedulers_runs():
    assert run_page("schedulers.md") == 4
