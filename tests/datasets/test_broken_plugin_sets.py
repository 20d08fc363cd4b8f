"""Loaders and facts of other distributions that are not what is asked of them."""

import numpy as np
import pytest

from hiervae import datasets, registry
from hiervae.errors import (
    BrokenPluginError,
    DataError,
    DatasetOptionError,
    IncompatiblePluginError,
)
from tests.support.functions import DATASET
from tests.support.site import clean, new_site, site

__all__ = ["clean", "new_site", "site"]

GROUP = "hiervae.datasets"
ORIGIN = r"data set 'other' \(distribution 'toy-other' 1\.0, target 'toy_other:load'\)"
RETURN = "return Dataset(train, valid, test, store.info)"
FACTS = {
    "name": "other",
    "title": "Other",
    "event_shape": (4,),
    "value_range": (None, None),
    "likelihood": "gaussian",
    "binarisation": "none",
    "source": "generated",
    "licence": "none",
    "citation": "none",
}


def offer(site, source):
    site.module("toy_other", source)
    site.distribution("toy-other", {GROUP: {"other": "toy_other:load"}})


def offer_body(site, body):
    """A loader whose last line is `body`."""
    assert RETURN in DATASET
    offer(site, DATASET.replace(RETURN, body))


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("return {}['images']", KeyError),
        ("return train.no_such_attribute", AttributeError),
        ("return train[3, 3, 3]", IndexError),
        ("return np.zeros(3, size=4)", TypeError),
        ("raise RuntimeError('out of order')", RuntimeError),
        ("return next(iter(()))", StopIteration),
    ],
)
def test_what_a_loader_raises_is_told_with_its_origin(site, body, cause):
    offer_body(site, body)
    with pytest.raises(
        BrokenPluginError,
        match=f"{ORIGIN} cannot be loaded with num_examples=40, seed=0: {cause.__name__}.*"
        "Expected a hiervae.datasets.Dataset. Mend",
    ) as caught:
        datasets.load("other")
    assert type(caught.value.__cause__) is cause


def test_a_value_error_of_a_loader_stays_one(site):
    offer_body(site, "raise ValueError('seed must be even')")
    with pytest.raises(
        DataError, match=f"{ORIGIN} cannot be loaded with .*seed=3: ValueError: seed must be even"
    ) as caught:
        datasets.load("other", seed=3)
    assert type(caught.value.__cause__) is ValueError


def test_what_says_enough_passes_through_and_an_os_error_notes_whose_it_is(site):
    site.module("toy_raised", "RAISED = None")
    offer_body(site, "import toy_raised; raise toy_raised.RAISED")
    import toy_raised

    raised = (
        FileNotFoundError(2, "No such file or directory", "moons.npy"),
        ConnectionError("no network"),
        DatasetOptionError("seed is odd"),
        MemoryError(),
        KeyboardInterrupt(),
    )
    for error in raised:
        toy_raised.RAISED = error
        with pytest.raises(type(error)) as caught:
            datasets.load("other")
        assert caught.value is error
        notes = getattr(error, "__notes__", [])
        assert any("'toy-other' 1.0" in note for note in notes) == (error in raised[:2])


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("return {'train': train}", r"\{'train': array.* \.\.\. of type dict"),
        ("return train, valid, test", ".* of type tuple"),
        (
            "return type('Odd', (), {'__repr__': lambda self: 1 / 0})()",
            "an object of type Odd",
        ),
    ],
)
def test_what_is_no_dataset_is_refused(site, body, shown):
    offer_body(site, body)
    with pytest.raises(
        IncompatiblePluginError, match=f"{ORIGIN} is {shown}.*Expected its loader to return"
    ) as caught:
        datasets.load("other")
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ("None, valid, test", "train is None of type NoneType; expected a NumPy array"),
        ("train, None, test", "valid is None of type NoneType.*n = 0 for a split without"),
        ("train.tolist(), valid, test", "train is .* of type list; .*`numpy.asarray`"),
        ("train.astype(str), valid, test", "train has the type <U.*expected real numbers"),
        ("train.astype(object), valid, test", "train has the type object; expected real"),
        ("train, valid, np.ma.masked_array(test)", "test is a masked array"),
        ("train[:0], valid, test", r"train has the shape \(0, 4\); expected at least one exam"),
        ("train, valid[:, :3], test", r"valid holds examples of shape \(3,\); expected \(4,\)"),
        ("train[:, 0], valid, test", r"train holds examples of shape \(\); expected \(4,\)"),
        (
            "train[..., None], valid[..., None], test[..., None]",
            r"train holds examples of shape \(4, 1\); .*replace\(store\.info, event_shape=",
        ),
        (
            "np.where(np.arange(4) == 2, np.nan, train), valid, test",
            r"train holds nan at position \(0, 2\); expected finite numbers",
        ),
        ("train, valid, test / 0.0", r"test holds -?inf at position \(0, 0\)"),
        ("train, valid, test.astype(float) * 1e300", "test holds .*, beyond float32"),
    ],
)
def test_examples_that_cannot_be_used_are_refused(site, parts, message):
    offer_body(site, f"np.seterr(all='ignore'); return Dataset({parts}, store.info)")
    with (
        np.errstate(),
        pytest.raises(
            DataError,
            match=f"{ORIGIN} cannot be used, as loaded with num_examples=40, seed=0: {message}",
        ),
    ):
        datasets.load("other")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            "np.zeros(39)",
            r"train_labels has the shape \(39,\); expected one row for each of the 40",
        ),
        ("np.float32(3)", r"train_labels has the shape \(\)"),
        ("[[1, 2], [3]]", "train_labels is .* of type list, of which no array can be made"),
        ("np.full(40, np.nan)", r"train_labels holds nan at position \(0,\)"),
    ],
)
def test_labels_that_do_not_fit_the_examples_are_refused(site, labels, message):
    offer_body(site, f"return Dataset(train, valid, test, store.info, {labels})")
    with pytest.raises(DataError, match=f"{ORIGIN} cannot be used.*{message}"):
        datasets.load("other")


def test_values_outside_the_stated_range_are_refused(site):
    offer(site, DATASET.replace("(None, None)", "(0.0, 1.0)"))
    with pytest.raises(
        DataError,
        match=rf"{ORIGIN}.*train has values from -.* expected them inside \(0\.0, 1\.0\)",
    ):
        datasets.load("other")


def test_the_facts_that_a_loader_returns_are_looked_at(site):
    offer_body(site, "return Dataset(train, valid, test, {'event_shape': (4,)})")
    with pytest.raises(
        IncompatiblePluginError,
        match=rf"{ORIGIN}: the info of what its loader returned is \{{.* of type dict. Expected",
    ):
        datasets.load("other")


def test_sizes_are_those_of_what_was_loaded(site):
    offer(site, DATASET)
    assert datasets.load("other", num_examples=7).info.sizes == {
        "train": 7,
        "valid": 10,
        "test": 10,
    }


def test_splits_without_examples_integers_and_lazy_examples_are_taken(site):
    offer_body(
        site,
        "lazy = type('Lazy', (), {'shape': train.shape, 'read': lambda self, i: train[i]})();"
        "return Dataset(lazy, (valid > 0).astype('uint8'), np.empty(0), store.info)",
    )
    data = datasets.load("other")
    assert data.info.sizes == {"train": 40, "valid": 10, "test": 0}
    assert data.valid.dtype == np.uint8


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ({"event_shape": 4}, "the shape of one example"),
        ({"event_shape": (4, None)}, "the shape of one example"),
        ({"value_range": (1.0, 0.0)}, "the lowest and the highest value"),
        ({"value_range": None}, "the lowest and the highest value"),
        ({"value_range": (float("-inf"), float("inf"))}, "None where there is none"),
        ({"likelihood": None}, "the name of a likelihood"),
        ({"binarisation": "dynmic"}, "one of 'none', 'static', 'dynamic'"),
        ({"sizes": {"train": "40"}}, "the number of examples of each split"),
        ({"sizes": (40, 10, 10)}, "the number of examples of each split"),
        ({"files": ("moons.npy",)}, "a tuple of hiervae.datasets.RemoteFile"),
        ({"files": datasets.RemoteFile("moons.npy")}, "a tuple of hiervae.datasets.RemoteFile"),
        (
            {"files": (datasets.RemoteFile("moons.npy", urls="https://example.org/moons.npy"),)},
            "urls and alternatives of each tuples of strings",
        ),
        ({"folders": "moons"}, "a tuple of strings"),
        ({"labels": ("left", "right")}, "as a string, or None"),
        ({"checksums": None}, "a dict"),
    ],
)
def test_facts_of_a_wrong_form_are_refused_and_listed(site, fact, expected):
    (name,) = fact
    site.module("toy_facts", "from hiervae.datasets import DatasetInfo\nGIVEN = {}")
    offer(
        site,
        """
        import toy_facts
        INFO = toy_facts.DatasetInfo(**toy_facts.GIVEN)

        def load(store):
            return None
        """,
    )
    import toy_facts

    toy_facts.GIVEN.update(FACTS, **fact)
    with pytest.raises(
        IncompatiblePluginError,
        match=f"{ORIGIN}: INFO in the module of its loader has {name}=.*Expected .*{expected}",
    ):
        datasets.describe("other")
    rows = {row.name: row for row in datasets.status()}
    assert set(rows) == set(datasets.names())
    assert f"{name}=" in rows["other"].problem
    assert not rows["pendulum"].problem


@pytest.mark.parametrize("head", ["def load():", "def load(store, folder):"])
def test_a_loader_that_takes_other_arguments_is_refused_and_listed(site, head):
    offer(site, DATASET.replace("def load(store, *, num_examples: int = 40, seed=0)", head[:-1]))
    with pytest.raises(
        IncompatiblePluginError, match=f"{ORIGIN} has a loader that takes other arguments"
    ):
        datasets.load("other")
    assert any("other arguments" in row.problem for row in datasets.status())


def test_a_plugin_that_fails_in_another_way_hides_no_other_set_of_the_list(site):
    offer(
        site,
        DATASET
        + """
    class Facts(DatasetInfo):
        @property
        def event_shape(self):
            raise RuntimeError("facts out of order")

    INFO = Facts.__new__(Facts)
    """,
    )
    rows = {row.name: row for row in datasets.status()}
    assert set(rows) == set(datasets.names())
    assert "'toy-other' 1.0" in rows["other"].problem
    assert "facts out of order" in rows["other"].problem


def test_an_option_without_default_has_to_be_given(site):
    offer(site, DATASET.replace("seed=0)", "seed)"))
    with pytest.raises(DatasetOptionError, match="'other' needs the option 'seed', which has no"):
        datasets.load("other")
    assert datasets.load("other", seed=3).info.options == {"num_examples": 40, "seed": 3}


@pytest.mark.parametrize(
    "annotation", ["'np.NoSuch'", "'int |'", "'1 | \"x\"'", "__import__('typing').TypeVar('T')"]
)
def test_annotations_that_tell_no_type_are_passed_over(site, annotation):
    offer(site, DATASET.replace("num_examples: int", f"num_examples: {annotation}"))
    assert datasets.load("other", num_examples=7).train.shape == (7, 4)


def test_a_file_that_the_facts_do_not_name_is_refused_by_name(site):
    offer_body(site, "return store.require('mons.npy')")
    with pytest.raises(DataError, match="'other' asks for the file 'mons.npy'.*there are none"):
        datasets.load("other")


def test_an_override_is_looked_at_too():
    def load(store):
        return {}["images"]

    load.__globals__["INFO"] = datasets.DatasetInfo(**FACTS)
    try:
        with (
            registry.override(GROUP, "other", load),
            pytest.raises(BrokenPluginError, match=r"'other' \(override.*KeyError: 'images'"),
        ):
            datasets.load("other")
    finally:
        del load.__globals__["INFO"]
