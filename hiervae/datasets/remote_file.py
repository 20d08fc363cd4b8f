"""A published file, as a loader expects to find it."""

from __future__ import annotations

from dataclasses import dataclass


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
