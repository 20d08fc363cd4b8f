import pytest

from tests.support.snippets import run_page


@pytest.mark.backends("torch")  # which builds the published sizes fastest
def test_the_page_on_networks_runs(tmp_path):
    assert run_page("networks.md", tmp_path) == 7
