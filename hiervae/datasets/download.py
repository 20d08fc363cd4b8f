"""Download of published files with pooch: several addresses, a limit, the package's errors."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hiervae.datasets.dataset import RemoteFile
from hiervae.errors import DamagedFileError, DataError, DatasetNotFoundError

_CHUNK = 2**18
_TIMEOUT_SECONDS = 30.0
_HEADERS = {
    "User-Agent": "hiervae (Python requests)",
    # A server that compresses on the way would have us store other bytes than the published ones.
    "Accept-Encoding": "identity",
}


def download_file(remote: RemoteFile, target: Path) -> Path:
    """Fetch a file from the first of its addresses that answers with the right bytes.

    The file is written beside `target` and renamed once its checksum is right, so that nothing
    incomplete ever stands under its name.

    Args:
        remote: the file with its addresses and checksum.
        target: where to put it; the folder is made.

    Returns:
        `target`.

    Raises:
        DatasetNotFoundError: if no address answers.
        DamagedFileError: if what arrives has the wrong size or checksum.
        DataError: if the folder cannot be written.
    """
    from requests.exceptions import RequestException

    failures: list[str] = []
    damaged = False
    for url in remote.urls:
        try:
            return _fetch(url, remote, target)
        except DamagedFileError as error:
            damaged = True
            failures.append(str(error))
        except RequestException as error:
            reason = getattr(error.response, "reason", None) or error
            failures.append(f"{url}: {reason}")
        except OSError as error:
            raise DataError(
                f"{target} cannot be written: {error.strerror or error}. Choose a folder that is "
                "writable and has enough space (data_dir, HIERVAE_DATA or KERAS_HOME)."
            ) from error
    message = (
        f"{remote.name} could not be downloaded: {'; '.join(failures)}. Fetch it by hand and put "
        f"it at {target}."
    )
    raise DamagedFileError(message) if damaged else DatasetNotFoundError(message)


def _fetch(url: str, remote: RemoteFile, target: Path) -> Path:
    import pooch
    from requests.exceptions import RequestException

    algorithm = "md5" if remote.md5 and not remote.sha256 else "sha256"
    known = remote.sha256 or remote.md5
    arrival = _Arrival(remote, url)
    fetch = pooch.HTTPDownloader(
        progressbar=arrival, chunk_size=_CHUNK, headers=_HEADERS, timeout=_TIMEOUT_SECONDS
    )

    def save(address: str, output: str, _: object) -> None:
        with Path(output).open("wb") as stream:
            arrival.stream = stream
            fetch(address, arrival, None)
        arrival.finish()
        received = pooch.file_hash(output, alg=algorithm)
        if known is not None and received != known:
            raise DamagedFileError(
                f"{url}: expected {remote.checksum}, received {algorithm} {received}"
            )

    try:
        with _quiet(pooch.get_logger()):
            pooch.retrieve(
                url,
                known_hash=known and f"{algorithm}:{known}",
                fname=target.name,
                path=target.parent,
                downloader=save,
            )
    except RequestException as error:
        if not arrival.received:
            raise
        raise DamagedFileError(
            f"{url}: the connection broke after {arrival.received} bytes ({error})"
        ) from error
    return target


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Arrival:
    """What pooch writes to and reports to: a bar on a terminal, and an end to what is too large.

    Attributes:
        total: bytes that the server promises, 0 where it promises none; set by pooch.
        received: bytes so far.
        stream: where they go.
    """

    stream: IO[bytes]

    def __init__(self, remote: RemoteFile, url: str) -> None:
        self.total = 0
        self.received = 0
        self._remote = remote
        self._url = url

    def write(self, data: bytes) -> None:
        """Keep bytes that arrived.

        Raises:
            DamagedFileError: if they are more than the file has.
        """
        self.received += len(data)
        limit = self._remote.num_bytes
        if limit is not None and self.received > limit:
            raise DamagedFileError(
                f"{self._url}: more than the {limit} bytes that {self._remote.name} has"
            )
        self.stream.write(data)
        self._show()

    def finish(self) -> None:
        """End the line of the bar.

        Raises:
            DamagedFileError: if fewer bytes came than the file has.
        """
        if sys.stderr.isatty():
            print(file=sys.stderr)
        expected = self._remote.num_bytes
        if expected is not None and self.received < expected:
            raise DamagedFileError(
                f"{self._url}: the connection ended after {self.received} of {expected} bytes"
            )

    def flush(self) -> None:
        """Do nothing when pooch asks after each piece; the stream keeps its own time."""

    def update(self, num_bytes: int) -> None:
        """Ignore pooch's count, which takes a shorter piece for a whole one."""

    def reset(self) -> None:
        """Do nothing when pooch completes a bar."""

    def close(self) -> None:
        """Do nothing when pooch has completed a bar."""

    def _show(self) -> None:
        if not sys.stderr.isatty():
            return
        amount = f"{self.received / 2**20:.1f} MiB"
        total = self.total or self._remote.num_bytes
        if total:
            filled = round(30 * min(self.received / total, 1.0))
            bar = "=" * filled + " " * (30 - filled)
            amount = f"[{bar}] {amount} of {total / 2**20:.1f} MiB"
        print(f"\r{self._remote.name} {amount}", end="", file=sys.stderr, flush=True)
