"""Records of runs that were damaged or edited."""

import pytest

from hiervae.errors import DamagedFileError
from hiervae.runs import RunConfig
from hiervae.runs.config import FORMAT

SECTIONS = ("model", "optimizer", "scheduler", "training", "parts", "data", "versions")
RECORD = {
    "format": FORMAT,
    "preset": None,
    "variant": "paper",
    "dataset": {"name": "pendulum", "options": {}},
    "seed": 3,
    **{name: {} for name in SECTIONS},
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", None),
        ("seed", "3"),
        ("seed", 1.5),
        ("seed", True),
        ("dataset", {"name": "pendulum"}),
        ("dataset", {"name": "pendulum", "options": []}),
        ("dataset", {"name": 3, "options": {}}),
        ("dataset", {"options": {}}),
    ],
)
def test_what_no_run_writes_is_refused(name, value):
    assert RunConfig.from_dict(RECORD, "config.json").seed == 3
    with pytest.raises(DamagedFileError, match=rf"config.json: {name} is .*; expected"):
        RunConfig.from_dict({**RECORD, name: value}, "config.json")
