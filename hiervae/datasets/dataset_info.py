"""What is known of a data set, with or without its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from hiervae.datasets.remote_file import RemoteFile
from hiervae.types import Shape

Binarisation = Literal["none", "static", "dynamic"]
"""`none`: values are used as they are. `static`: the files hold 0 and 1. `dynamic`: training
values are Bernoulli probabilities to be redrawn for every batch; validation and test hold one
fixed draw."""

BINARISATIONS: tuple[Binarisation, ...] = get_args(Binarisation)


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about a data set: its catalogue entry, completed when it is loaded.

    Attributes:
        name: the name to pass to `hiervae.datasets.load`.
        title: the name for people.
        event_shape: shape of one example.
        value_range: lowest and highest possible value; None where unbounded.
        likelihood: the likelihood that suits the values, a name of `hiervae.likelihoods`.
        binarisation: `"none"`, `"static"` or `"dynamic"`.
        source: where the files are published.
        licence: licence or terms as their authors state them.
        citation: the work to cite.
        sizes: number of examples of each split.
        files: the published files.
        folders: folder names, besides `name`, in which the files are looked for.
        labels: what the labels mean, None where there are none.
        label_names: the meaning of label 0, 1, ... where the labels are classes.
        notes: orientation, order, splits: what one has to know to compare results.
        checksum: `"sha256:..."` over what was loaded (the files' own checksums, or the arrays
            where there is no file), `"listing-sha256:..."` over names and sizes for sets that are
            decoded lazily; None before loading.
        checksums: SHA-256 of each file that was read whole; empty before loading.
        options: the options the set was loaded with.
    """

    name: str
    title: str
    event_shape: Shape
    value_range: tuple[float | None, float | None]
    likelihood: str
    binarisation: Binarisation
    source: str
    licence: str
    citation: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    files: tuple[RemoteFile, ...] = ()
    folders: tuple[str, ...] = ()
    labels: str | None = None
    label_names: tuple[str, ...] = ()
    notes: str = ""
    checksum: str | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """All fields as JSON-serialisable values, for run folders."""
        record = asdict(self)
        record["sizes"] = dict(self.sizes)
        record["checksums"] = dict(self.checksums)
        record["options"] = dict(self.options)
        return record
