import importlib
import json
import sys
import warnings

import pytest

from hiervae import registry
from hiervae.errors import (
    BrokenPluginError,
    DamagedFileError,
    DataError,
    IncompatiblePluginError,
    PluginConflictError,
    UnknownPluginError,
)

PRIORS = "hiervae.priors"
RECORD = {"name": "wide", "distribution": "toy-plugin", "version": "1.0", "config": {"width": 7}}

PARTS = """
    from toy_interface import Toy

    class Wide(Toy):
        pass

    class Other(Toy):
        pass
"""


@pytest.fixture
def toy(site, toy_interface):
    site.module("toy_parts", PARTS)
    site.distribution("toy-plugin", {PRIORS: {"wide": "toy_parts:Wide"}})
    return toy_interface.Toy


def test_a_part_survives_the_way_through_json(toy):
    part = registry.create(PRIORS, {"name": "wide", "width": 7}, toy)
    record = registry.describe(PRIORS, part)
    assert record == RECORD
    again = registry.restore(PRIORS, json.loads(json.dumps(record)), toy)
    assert type(again) is type(part)
    assert again.width == 7


def test_a_config_without_an_argument_is_refused_before_it_is_saved(site, toy_interface):
    site.module(
        "toy_short",
        """
        from toy_interface import Toy

        class Short(Toy):
            def __init__(self, depth=1, **options):
                super().__init__(**options)
                self.depth = depth
        """,
    )
    site.distribution("toy-short", {PRIORS: {"short": "toy_short:Short"}})
    part = registry.create(PRIORS, {"name": "short", "depth": 5}, toy_interface.Toy)
    with pytest.raises(IncompatiblePluginError, match=r"lacks the constructor's 'depth'"):
        registry.describe(PRIORS, part, complete=True)
    assert registry.describe(PRIORS, part)["config"] == {"width": 2}


def test_describing_imports_no_other_plugin(site, toy):
    site.module("toy_aside", "raise RuntimeError('imported')")
    site.distribution("aaa-toy", {PRIORS: {"aaa": "toy_aside:A", "mad": "not a target!"}})
    part = registry.create(PRIORS, "wide", toy)
    assert registry.describe(PRIORS, part)["name"] == "wide"
    assert "toy_aside" not in sys.modules


def test_a_class_that_its_package_exports_elsewhere_is_recognised(site, toy):
    site.module("toy_front", "from toy_parts import Other")
    site.distribution("toy-front", {PRIORS: {"other": "toy_front:Other"}})
    part = registry.create(PRIORS, "other", toy)
    assert registry.describe(PRIORS, part)["distribution"] == "toy-front"


def test_in_a_conflict_the_record_says_which_distribution(site, toy):
    site.distribution("toy-rival", {PRIORS: {"wide": "toy_parts:Other"}}, version="5")
    for qualified, class_name in (("toy-plugin:wide", "Wide"), ("toy-rival:wide", "Other")):
        record = registry.describe(PRIORS, registry.create(PRIORS, qualified, toy))
        assert record["distribution"] == qualified.split(":")[0]
        assert type(registry.restore(PRIORS, record, toy)).__name__ == class_name


def test_a_distribution_that_contradicts_itself_cannot_be_restored_from(site, toy):
    site.distribution("toy-two", f"[{PRIORS}]\nwide = toy_parts:Wide\nwide = toy_parts:Other\n")
    with pytest.raises(PluginConflictError, match="more than once"):
        registry.restore(PRIORS, {**RECORD, "distribution": "toy-two"}, toy)


def test_a_missing_distribution_says_what_to_install(toy):
    record = {**RECORD, "distribution": "toy-gone", "version": "1.4"}
    with pytest.raises(
        UnknownPluginError, match=r"'wide' .*'toy-gone' 1\.4.*pip install \"toy-gone==1\.4\""
    ):
        registry.restore(PRIORS, record, toy)
    with pytest.raises(UnknownPluginError, match='pip install "toy-gone"'):
        registry.restore(PRIORS, {**record, "version": None}, toy)


def test_another_version_without_the_part_says_which_to_install(toy):
    record = {**RECORD, "name": "old", "version": "0.5"}
    with pytest.raises(
        UnknownPluginError, match=r"the installed 1\.0 lacks it.*pip install \"toy-plugin==0\.5\""
    ):
        registry.restore(PRIORS, record, toy)


def test_a_part_installed_meanwhile_asks_for_refresh(site, toy):
    registry.available(PRIORS)
    site.distribution("toy-new", {PRIORS: {"wide": "toy_parts:Wide"}}, refresh=False)
    record = {**RECORD, "distribution": "toy-new"}
    with pytest.raises(UnknownPluginError, match=r"hiervae\.registry\.refresh\(\)"):
        registry.restore(PRIORS, record, toy)
    registry.refresh()
    assert registry.restore(PRIORS, record, toy).width == 7


def test_a_part_of_a_disabled_plugin_says_what_to_unset(toy, monkeypatch):
    monkeypatch.setenv("HIERVAE_DISABLE_PLUGINS", "1")
    with pytest.raises(UnknownPluginError, match="HIERVAE_DISABLE_PLUGINS") as caught:
        registry.restore(PRIORS, RECORD, toy)
    assert "pip install" not in str(caught.value)


def test_a_config_that_another_version_wrote_names_both_versions(toy):
    record = {**RECORD, "version": "0.5", "config": {"breadth": 7}}
    with pytest.raises(
        BrokenPluginError, match=r"'toy-plugin' 1\.0.*breadth.*version 0\.5.*toy-plugin==0\.5"
    ) as caught:
        registry.restore(PRIORS, record, toy)
    assert isinstance(caught.value.__cause__, TypeError)


def test_a_config_of_the_same_version_that_fails_suggests_a_damaged_file(toy):
    with pytest.raises(BrokenPluginError, match="use an intact file") as caught:
        registry.restore(PRIORS, {**RECORD, "config": {"breadth": 7}}, toy)
    assert "pip install" not in str(caught.value)


@pytest.mark.parametrize(
    ("saved", "warned"),
    [
        ("1.0.1", True),
        ("1.10", True),
        ("2.0rc1", True),
        ("1.0", False),
        ("1.0.0", False),
        ("0.9", False),
        ("1.0.dev3", False),
        (None, False),
        ("unknown", False),
    ],
)
def test_a_part_saved_with_a_newer_version_says_what_to_install(toy, saved, warned):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert registry.restore(PRIORS, {**RECORD, "version": saved}, toy).width == 7
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == warned
    for text in texts:
        assert "\n" not in text
        for part in ("prior 'wide'", f"'toy-plugin' {saved}", "version 1.0 is older"):
            assert part in text
        assert f'pip install "toy-plugin=={saved}"' in text


def test_an_error_of_the_package_passes(toy):
    def refuse(cls, config):
        raise DataError("no")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toy, "from_config", classmethod(refuse))
        with pytest.raises(DataError, match="no"):
            registry.restore(PRIORS, RECORD, toy)


def test_a_restored_part_must_fit(toy):
    class Elsewhere:
        interface_version = 1

    class Newer:
        interface_version = 2

    with pytest.raises(IncompatiblePluginError, match=r"expected a subclass of .*Elsewhere"):
        registry.restore(PRIORS, RECORD, Elsewhere)
    wide = registry.load(PRIORS, "wide")
    wide.interface_version = 2
    with pytest.raises(IncompatiblePluginError, match="interface version 2"):
        registry.restore(PRIORS, RECORD, toy)
    del wide.interface_version
    wide.from_config = classmethod(lambda cls, config: "a string")
    with pytest.raises(IncompatiblePluginError, match=r"Received builtins\.str"):
        registry.restore(PRIORS, RECORD, toy)


def test_a_class_that_does_not_fit_is_refused_before_it_is_rebuilt(toy):
    def rebuild(cls, config):
        raise AssertionError("rebuilt")

    wide = registry.load(PRIORS, "wide")
    wide.interface_version = 2
    wide.from_config = classmethod(rebuild)
    with pytest.raises(IncompatiblePluginError, match="interface version 2"):
        registry.restore(PRIORS, RECORD, toy)


@pytest.mark.parametrize(
    "record",
    [
        None,
        "wide",
        {},
        {"name": "wide", "distribution": "toy-plugin", "version": "1.0"},
        {**RECORD, "config": [1]},
        {**RECORD, "name": 3},
        {**RECORD, "distribution": ["toy-plugin"]},
        {**RECORD, "name": None},
        {**RECORD, "name": None, "config": {"class_name": "A"}},
    ],
)
def test_a_damaged_record_is_refused(toy, record):
    with pytest.raises(DamagedFileError, match="Expected a dict with name, distribution"):
        registry.restore(PRIORS, record, toy)


@pytest.mark.parametrize("name", ["own", "wide"], ids=["new", "installed"])
def test_an_override_is_described_by_name_and_restored_within_the_override(toy, name):
    class Own(toy):
        pass

    with registry.override(PRIORS, name, Own):
        record = registry.describe(PRIORS, registry.create(PRIORS, name, toy))
        assert record == {
            "name": name,
            "distribution": None,
            "version": None,
            "config": {"width": 2},
        }
        assert type(registry.restore(PRIORS, record, toy)) is Own
    message = rf"prior '{name}' was saved .* is not active.*within hiervae\.registry\.override"
    with pytest.raises(UnknownPluginError, match=message):
        registry.restore(PRIORS, record, toy)


def test_an_override_given_as_text_is_described(toy):
    with registry.override(PRIORS, "own", "toy_parts:Other"):
        part = registry.create(PRIORS, "own", toy)
        assert registry.describe(PRIORS, part)["name"] == "own"


def test_an_installed_class_is_recorded_as_installed_within_an_override(toy):
    wide = importlib.import_module("toy_parts").Wide
    with registry.override(PRIORS, "alias", wide), registry.override(PRIORS, "wide", toy):
        assert registry.describe(PRIORS, wide())["distribution"] == "toy-plugin"


def test_values_keep_their_json_form(toy):
    values = {"a": (1, [2.5, None]), "b": {"c": True, "d": "text"}}
    part = registry.create(PRIORS, {"name": "wide", "width": values}, toy)
    record = registry.describe(PRIORS, part)
    assert record["config"] == {"width": {"a": [1, [2.5, None]], "b": {"c": True, "d": "text"}}}
    assert json.loads(json.dumps(record)) == record


def test_a_key_that_json_would_change_is_refused(toy):
    part = registry.create(PRIORS, {"name": "wide", "width": {3: 4}}, toy)
    with pytest.raises(IncompatiblePluginError, match=r"\['width'\] has the key 3"):
        registry.describe(PRIORS, part)


@pytest.mark.parametrize("result", [None, [1], RuntimeError("no config")])
def test_a_part_that_cannot_say_its_config_is_refused(toy, result):
    def get_config(self):
        if isinstance(result, Exception):
            raise result
        return result

    part = registry.create(PRIORS, "wide", toy)
    type(part).get_config = get_config
    with pytest.raises(IncompatiblePluginError, match=r"'toy-plugin' 1\.0.*get_config\(\)"):
        registry.describe(PRIORS, part)


def test_a_class_is_no_part(toy):
    with pytest.raises(IncompatiblePluginError, match="Expected an instance"):
        registry.describe(PRIORS, toy)
