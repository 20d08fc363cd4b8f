import asyncio
import threading

import pytest

from hiervae import registry
from hiervae.errors import BrokenPluginError, IncompatiblePluginError, RegistryError

PRIORS = "hiervae.priors"


class Base:
    pass


class One(Base):
    pass


class Two(Base):
    pass


def test_an_override_defines_a_name_for_a_while():
    with registry.override(PRIORS, "toy", One):
        assert registry.load(PRIORS, "toy") is One
        assert "toy" in registry.available(PRIORS)
        row = next(row for row in registry.entries(PRIORS) if row.name == "toy")
        assert (row.distribution, row.version, row.conflict) == (None, None, False)
        assert row.target == f"{One.__module__}:One"
        assert "toy" not in registry.available("hiervae.networks")
    assert "toy" not in registry.available(PRIORS)


def test_an_override_replaces_an_installed_name_but_not_the_qualified_one():
    with registry.override(PRIORS, "vhp", One):
        assert registry.load(PRIORS, "vhp") is One
        assert registry.available(PRIORS).count("vhp") == 1
        assert registry.resolution.find(PRIORS, "hiervae:vhp").distribution == "hiervae"
    assert registry.resolution.find(PRIORS, "vhp").distribution == "hiervae"


def test_an_override_settles_a_conflict(site):
    site.distribution("toy-one", {PRIORS: {"toy": "a:B"}})
    site.distribution("toy-two", {PRIORS: {"toy": "a:B"}})
    with registry.override(PRIORS, "toy", One):
        assert registry.load(PRIORS, "toy") is One


def test_overrides_nest_and_end_with_an_error():
    with registry.override(PRIORS, "toy", One):
        with registry.override(PRIORS, "toy", Two):
            assert registry.load(PRIORS, "toy") is Two
        with (
            pytest.raises(ZeroDivisionError, match="within"),
            registry.override(PRIORS, "toy", Two),
        ):
            raise ZeroDivisionError("within")
        assert registry.load(PRIORS, "toy") is One


def test_a_target_may_be_text_that_is_imported_when_asked_for(site):
    site.module("toy_late", "class Late: pass")
    with registry.override(PRIORS, "toy", "toy_late:Late"):
        assert registry.load(PRIORS, "toy").__name__ == "Late"
    with (
        registry.override(PRIORS, "toy", "toy_missing:Late"),
        pytest.raises(BrokenPluginError, match="override, target 'toy_missing:Late'"),
    ):
        registry.load(PRIORS, "toy")


def test_overrides_work_while_plugins_are_disabled(monkeypatch):
    monkeypatch.setenv("HIERVAE_DISABLE_PLUGINS", "1")
    with registry.override(PRIORS, "toy", One):
        assert type(registry.create(PRIORS, "toy", Base)) is One


def test_another_thread_does_not_see_the_override():
    seen = []
    with registry.override(PRIORS, "toy", One):
        thread = threading.Thread(target=lambda: seen.append(registry.available(PRIORS)))
        thread.start()
        thread.join()
    assert "toy" not in seen[0]


def test_asynchronous_tasks_see_their_own_override():
    async def load(target, entered, proceed):
        with registry.override(PRIORS, "toy", target):
            entered.set()
            await proceed.wait()
            return registry.load(PRIORS, "toy")

    async def both():
        entered, proceed = [asyncio.Event(), asyncio.Event()], asyncio.Event()
        tasks = [
            asyncio.create_task(load(target, event, proceed))
            for target, event in zip((One, Two), entered, strict=True)
        ]
        for event in entered:
            await event.wait()
        proceed.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(both()) == [One, Two]


def test_a_bad_override_is_refused():
    with (
        pytest.raises(RegistryError, match="Unknown plugin group 'hiervae.prior'"),
        registry.override("hiervae.prior", "toy", One),
    ):
        pass
    with (
        pytest.raises(IncompatiblePluginError, match="Expected a class or a string"),
        registry.override(PRIORS, "toy", One()),
    ):
        pass
