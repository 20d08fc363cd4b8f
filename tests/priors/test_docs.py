import pytest

from tests.support.snippets import run_page


@pytest.mark.backends("torch")
def test_the_page_on_priors_runs(tmp_path):
    assert run_page("priors.md", tmp_path) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"pseudo_inputs.png", "component_7.png"}
