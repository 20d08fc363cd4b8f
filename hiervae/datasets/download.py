"""Download of published files: progress, checksum, atomic rename."""

from __future__ import annotations

import hashlib
import http.client
import sys
import urllib.request
from pathlib import Path
from typing import IO

from hiervae.datasets.dataset import RemoteFile
from hiervae.datasets.files import written_beside
from hiervae.errors import DamagedFileError, DatasetNotFoundError

_CHUNK = 2**18
_TIMEOUT_SECONDS = 30.0
_USER_AGENT = "hiervae (Python urllib)"


def download_file(remote: RemoteFile, target: Path) -> Path:
    """Fetches a file from the first of its addresses that answers with the right bytes.

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
    failures: list[str] = []
    damaged = False
    for url in remote.urls:
        try:
            return _fetch(url, remote, target)
        except DamagedFileError as error:
            damaged = True
            failures.append(str(error))
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"{url}: {getattr(error, 'reason', None) or error}")
    message = (
        f"{remote.name} could not be downloaded: {'; '.join(failures)}. Fetch it by hand and put "
        f"it at {target}."
    )
    raise DamagedFileError(message) if damaged else DatasetNotFoundError(message)


def _fetch(url: str, remote: RemoteFile, target: Path) -> Path:
    request = urllib.request.Request(url, headers={"User-Agent": _USER_AGENT})
    with (
        urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response,
        written_beside(target) as stream,
    ):
        _copy(response, stream, url, remote)
    return target


def _copy(
    response: http.client.HTTPResponse, stream: IO[bytes], url: str, remote: RemoteFile
) -> None:
    promised = response.headers.get("Content-Length", "")
    total = int(promised) if promised.isdigit() else remote.num_bytes
    digest = hashlib.sha256() if remote.sha256 or not remote.md5 else hashlib.md5()
    received = 0
    while chunk := _read(response, url, received):
        received += len(chunk)
        if remote.num_bytes is not None and received > remote.num_bytes:
            raise DamagedFileError(
                f"{url}: more than the {remote.num_bytes} bytes that {remote.name} has"
            )
        digest.update(chunk)
        stream.write(chunk)
        _show_progress(remote.name, received, total)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if total is not None and received != total:
        raise DamagedFileError(f"{url}: the connection ended after {received} of {total} bytes")
    expected = remote.sha256 or remote.md5
    if expected is not None and digest.hexdigest() != expected:
        raise DamagedFileError(
            f"{url}: expected {remote.checksum}, received {digest.name} {digest.hexdigest()}"
        )


def _read(response: http.client.HTTPResponse, url: str, received: int) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise DamagedFileError(
            f"{url}: the connection broke after {received} bytes ({error})"
        ) from error


def _show_progress(name: str, received: int, total: int | None) -> None:
    if not sys.stderr.isatty():
        return
    amount = f"{received / 2**20:.1f} MiB"
    if total:
        filled = round(30 * min(received / total, 1.0))
        amount = f"[{'=' * filled}{' ' * (30 - filled)}] {amount} of {total / 2**20:.1f} MiB"
    print(f"\r{name} {amount}", end="", file=sys.stderr, flush=True)
