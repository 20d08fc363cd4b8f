"""The one entrance to all data sets."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

from hiervae.datasets import image_folder, plugin_sets, user_arrays
from hiervae.datasets.catalogue import is_known, loader, names, owner
from hiervae.datasets.dataset import Dataset
from hiervae.datasets.option_types import is_a, is_same, plain, shown
from hiervae.datasets.store import FileStore
from hiervae.errors import DataError, DatasetOptionError

_REQUIRED = inspect.Parameter.empty


def load(
    name: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    **options: Any,
) -> Dataset:
    """Load a data set.

    Args:
        name: one of `hiervae.datasets.names()`, `"distribution:name"`, or the path of a `.npz` or
            `.npy` file or of a folder of images; "." is the current folder.
        data_dir: folder searched first; then `HIERVAE_DATA`, then the Keras cache. It must exist,
            unless `download` is to make it.
        download: fetch missing files from their published address, with a progress bar and a
            checksum.
        **options: the data set's own options; see its module's `load`. Every published set also
            takes `verify` (default true), which refuses a file whose checksum is known and differs.

    Returns:
        Training, validation and test examples with labels and facts.

    Raises:
        DatasetNotFoundError: if the name is unknown, `data_dir` is no folder, or a file is missing;
            the message says where to get it, its checksum and terms, and where to put it.
        RegistryError: if the name stands for sets of several plugins, or for a broken one, whose
            loader fails for instance.
        IncompatiblePluginError: if a plugin's loader is not one, or returns no `Dataset`.
        DamagedFileError: if a file is truncated or damaged, or is not the published one.
        DataError: if the name is empty, or an option is unknown, missing or out of range; or if a
            plugin's examples are empty, not finite, outside the range of values that it states, or
            of another shape.
    """
    text = os.fspath(name)
    options = complete_options(text, options)
    if is_known(text):
        found, given = loader(text), dict(options)
        verify = given.pop("verify", True) if _may_be_verified(text) else True
        store = FileStore(found.info, data_dir, download, verify=verify, owner=owner)
        if found.is_built_in:
            dataset = found.load(store, **given)
        else:
            dataset = plugin_sets.read(found.what, found.load, store, given)
    else:
        dataset = _reader(text)(Path(text).expanduser(), **options)
    return replace(dataset, info=replace(dataset.info, options=options))


def complete_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options of a data set with the values they will have; nothing is read for it.

    Args:
        name: as for `load`.
        options: those that are given.

    Raises:
        DatasetNotFoundError: if there is no such data set, file or folder.
        DataError: if the name is empty or of another kind of file, or an option is unknown, of a
            wrong type, or missing where a plugin's set has no default for it.
    """
    reader = _reader(name)
    parameters = inspect.signature(reader).parameters.values()
    known = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    types = _types(reader)
    if _may_be_verified(name):
        known, types = {**known, "verify": True}, {**types, "verify": bool}
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise DatasetOptionError(
            f"The data set {name!r} has no option {', '.join(map(repr, unknown))}; "
            f"its options are: {', '.join(known) or 'none'}."
        )
    checked = {
        option: _checked(name, option, value, types.get(option, Any), known[option])
        for option, value in options.items()
    }
    complete = {**known, **checked}
    missing = [option for option, value in complete.items() if value is _REQUIRED]
    if missing:
        raise DatasetOptionError(
            f"The data set {name!r} needs the option {', '.join(map(repr, missing))}, which has no "
            f"default. Give it by keyword ({missing[0]}=..., on the command line "
            f"--dataset-option {missing[0]}=...)."
        )
    return complete


def _may_be_verified(name: str) -> bool:
    """Return whether `verify` is an option of ours: of a set with files that has none itself."""
    if not is_known(name):
        return False
    found = loader(name)
    return bool(found.info.files) and "verify" not in inspect.signature(found.load).parameters


def _types(reader: Callable[..., Dataset]) -> dict[str, Any]:
    """Return the types of a loader's options; none where an annotation cannot be evaluated."""
    try:
        return {name: kind for name, kind in get_type_hints(reader).items() if kind is not Any}
    except Exception:  # of a plugin that imports the type for type checking alone, for instance
        return {}


def _checked(name: str, option: str, value: Any, kind: Any, default: Any) -> Any:
    """Return the value of an option with Python's numbers, if that is what its type asks for.

    Raises:
        DatasetOptionError: if it is neither of this type nor the default.
    """
    if kind is Any:
        return value
    if is_a(kind, plain(value)):
        return plain(value)
    # A plugin's default may be of another type than its annotation; the settings of a run give it.
    if is_a(kind, value) or is_same(value, default):
        return value
    example = "" if default is _REQUIRED else f", such as {option}={default!r}"
    raise DatasetOptionError(
        f"The data set {name!r} has the option {option}={value!r}; expected {shown(kind)}{example}."
    )


def _reader(name: str) -> Callable[..., Dataset]:
    if not name:
        raise DataError(
            f"The name of the data set is empty; expected one of {', '.join(names())}, or the path "
            "of a .npz or .npy file or of a folder of images ('.' for the current one)."
        )
    path = Path(name).expanduser()
    if is_known(name) or not path.exists():
        return loader(name).load
    if path.is_dir():
        return image_folder.load_folder
    if path.suffix in (".npy", ".npz"):
        return user_arrays.load_file
    raise DataError(f"{path} is no data set: expected a .npy or .npz file or a folder of images.")
