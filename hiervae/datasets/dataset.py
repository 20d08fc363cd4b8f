"""What every loader returns, and what is known of a data set with or without its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from numpy.typing import NDArray

from hiervae.datasets.scaling import Array, ChannelNormalisation
from hiervae.types import Shape


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set as its authors publish it.

    Attributes:
        name: the file name that is looked for.
        urls: direct addresses, the best first; empty where the file has to be fetched by hand
            (after a form, an agreement or a page that only a browser can use).
        sha256: published or independently confirmed SHA-256 of the bytes, in hexadecimal.
        md5: published MD5, for files that have no known SHA-256.
        num_bytes: size of the published file.
        alternatives: other names under which the same content is accepted.
        optional: the data set can be loaded without it.
    """

    name: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    md5: str | None = None
    num_bytes: int | None = None
    alternatives: tuple[str, ...] = ()
    optional: bool = False

    @property
    def checksum(self) -> str:
        """The known checksum with its algorithm, or a statement that there is none."""
        if self.sha256 is not None:
            return f"sha256 {self.sha256}"
        if self.md5 is not None:
            return f"md5 {self.md5}"
        return "no checksum published"


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
            where there is no file), `"listing-sha256:..."` over names and sizes for published sets
            of pictures that are decoded lazily; None before loading.
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
        """Return all fields as JSON-serialisable values, for run folders."""
        record = asdict(self)
        record["sizes"] = dict(self.sizes)
        record["checksums"] = dict(self.checksums)
        record["options"] = dict(self.options)
        return record


if TYPE_CHECKING:
    from hiervae.datasets.sources.lazy_examples import LazyExamples

Labels: TypeAlias = NDArray[Any]
"""Labels, shape (n,) or (n, number of attributes)."""

Examples: TypeAlias = "Array | LazyExamples"
"""Examples in memory, or decoded batch by batch where a set is too large for that."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training, validation and test examples with the facts about them.

    Attributes:
        train: training examples, float32 of shape (n, *event_shape) inside `info.value_range`; a
            `LazyExamples` (a `keras.utils.PyDataset`) for sets that are not held in memory.
        valid: validation examples, like `train`; may be empty.
        test: test examples, like `train`; may be empty.
        info: event shape, value range, source, licence, checksum and the like.
        train_labels: labels of the training examples in the same order, or None.
        valid_labels: labels of the validation examples, or None.
        test_labels: labels of the test examples, or None.
        normalisation: the affine map that was applied to each channel, with its inverse, or None.
    """

    train: Examples
    valid: Examples
    test: Examples
    info: DatasetInfo
    train_labels: Labels | None = None
    valid_labels: Labels | None = None
    test_labels: Labels | None = None
    normalisation: ChannelNormalisation | None = None

    def __repr__(self) -> str:
        sizes = ", ".join(f"{split}={count}" for split, count in self.info.sizes.items())
        return f"Dataset({self.info.name!r}, event_shape={self.info.event_shape}, {sizes})"
