"""Downloads from a server on this machine."""

import hashlib
import http.server
import threading
from dataclasses import replace

import numpy as np
import pytest

from hiervae import datasets
from hiervae.datasets.dataset import RemoteFile
from hiervae.datasets.download import download_file
from hiervae.datasets.sets import static_mnist
from hiervae.errors import DamagedFileError, DataError, DatasetNotFoundError

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    files: dict[str, bytes]

    def do_GET(self):
        content = self.files.get(self.path.rsplit("/", 1)[-1])
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        promised = len(content)
        if self.path.startswith("/short/"):
            content = content[: len(content) // 2]
        if not self.path.startswith("/silent/"):
            self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    handler = type("OwnHandler", (Handler,), {"files": {"a.bin": CONTENT}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        running.files = handler.files
        running.address = f"http://127.0.0.1:{running.server_address[1]}"
        yield running
        running.shutdown()
        thread.join()


def only(folder):
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("path", ["a.bin", "silent/a.bin"])
@pytest.mark.parametrize(
    "facts",
    [
        {"sha256": SHA256},
        {"md5": hashlib.md5(CONTENT).hexdigest()},
        {"num_bytes": len(CONTENT)},
        {},
    ],
)
def test_fetches(server, tmp_path, path, facts):
    remote = RemoteFile("a.bin", (f"{server.address}/{path}",), **facts)
    target = tmp_path / "new" / "a.bin"
    assert download_file(remote, target) == target
    assert target.read_bytes() == CONTENT
    assert only(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(
    ("path", "facts", "message"),
    [
        ("a.bin", {"sha256": "0" * 64}, "expected sha256 0000"),
        ("a.bin", {"md5": "0" * 32}, "expected md5 0000"),
        ("a.bin", {"num_bytes": 1000}, "more than the 1000 bytes"),
        ("short/a.bin", {}, "connection"),
        ("silent/a.bin", {"num_bytes": len(CONTENT) + 1}, "connection ended after"),
    ],
)
def test_wrong_content_leaves_nothing_behind(server, tmp_path, path, facts, message):
    remote = RemoteFile("a.bin", (f"{server.address}/{path}",), **facts)
    with pytest.raises(DamagedFileError, match=message):
        download_file(remote, tmp_path / "a.bin")
    assert only(tmp_path) == []


def test_an_old_file_is_kept_when_the_new_one_is_wrong(server, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    remote = RemoteFile("a.bin", (f"{server.address}/a.bin",), sha256="0" * 64)
    with pytest.raises(DamagedFileError, match="expected sha256 0000"):
        download_file(remote, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"old"


def test_the_second_address_is_tried(server, tmp_path):
    urls = (f"{server.address}/missing.bin", "http://127.0.0.1:9/a.bin", f"{server.address}/a.bin")
    assert download_file(RemoteFile("a.bin", urls, sha256=SHA256), tmp_path / "a.bin").exists()


def test_every_failure_is_named(server, tmp_path):
    urls = (f"{server.address}/missing.bin", "http://127.0.0.1:9/a.bin")
    with pytest.raises(DatasetNotFoundError, match=r"missing\.bin: Not Found.*127\.0\.0\.1:9/a"):
        download_file(RemoteFile("a.bin", urls), tmp_path / "a.bin")


def test_an_unwritable_folder_is_named(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    remote = RemoteFile("a.bin", (f"{server.address}/a.bin",))
    with pytest.raises(DataError, match=r"a\.bin cannot be written: "):
        download_file(remote, tmp_path / "file" / "a.bin")


def test_progress_is_shown_on_a_terminal_alone(server, tmp_path, capsys, monkeypatch):
    remote = RemoteFile("a.bin", (f"{server.address}/a.bin",))
    download_file(remote, tmp_path / "a.bin")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    download_file(remote, tmp_path / "b.bin")
    assert f"[{'=' * 30}] 1.0 MiB of 1.0 MiB\n" in capsys.readouterr().err


def test_load_downloads_what_is_missing(server, tmp_path, monkeypatch, published):
    files = []
    for number, remote in enumerate(static_mnist.INFO.files):
        content = published.amat(np.full((2, 784), number % 2))
        server.files[remote.name] = content
        files.append(
            replace(
                remote,
                urls=(f"{server.address}/{remote.name}",),
                sha256=hashlib.sha256(content).hexdigest(),
                num_bytes=len(content),
            )
        )
    monkeypatch.setattr(static_mnist, "INFO", replace(static_mnist.INFO, files=tuple(files)))
    with pytest.raises(DatasetNotFoundError, match=r"needs 'binarized_mnist_train\.amat'"):
        datasets.load("static_mnist", tmp_path)
    data = datasets.load("static_mnist", tmp_path / "new", download=True)
    assert data.valid.max() == 1
    assert only(tmp_path / "new" / "static_mnist") == sorted(file.name for file in files)
    server.files.clear()
    assert datasets.load("static_mnist", tmp_path / "new", download=True).train.shape == (2, 28, 28)
