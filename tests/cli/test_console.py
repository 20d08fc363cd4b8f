"""What is shown on a terminal, and what elsewhere."""

import io
import os
import re
import subprocess
import sys

import pytest

from hiervae.cli.console import Console, Progress

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal(io.StringIO):
    def isatty(self):
        return True

    @property
    def text(self):
        return CONTROL.sub("", self.getvalue())


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def test_a_terminal_gets_styles(terminal):
    console = Console()
    console.stream = terminal
    console.heading("test")
    console.table(("name", "value"), [("[bold]a", 1), ("b" * 30, 22)])
    console.values({"mean_error": 1.25, "left_out": None, "path": "x" * 300})
    text = terminal.text
    assert "\x1b[" in terminal.getvalue()
    assert "test:\n" in text
    assert "[bold]a" in text  # values are no markup
    assert "  mean error  1.25\n" in text
    assert "left out" not in text
    assert "x" * 300 in text  # nothing is broken into lines that were one


def test_elsewhere_lines_are_plain(capsys):
    console = Console()
    console.heading("test")
    console.table(("name", "value"), [("a", 1), ("bbbbb", 22)])
    console.values({"mean_error": 1.25})
    assert capsys.readouterr().out == (
        "test:\nname   value\na      1\nbbbbb  22\n  mean error  1.25\n"
    )


def test_progress_moves_on_a_terminal(terminal):
    with Progress(terminal, 4, "epoch", start=1) as progress:
        assert progress.is_live
        progress.update(2.5, "kl 3.25")
        progress.update(4)
    assert "epoch 1/4" in terminal.text
    assert "epoch 4/4" in terminal.text
    assert "kl 3.25" in terminal.text.rpartition("epoch 4/4")[2]  # texts stay until replaced


def test_progress_elsewhere_is_a_line_now_and_then():
    stream = io.StringIO()
    with Progress(stream, 10, "example", seconds=1e9) as progress:
        for done in range(1, 11):
            progress.update(done)
    first, last = stream.getvalue().splitlines()
    assert first.startswith("example 1/10")
    assert re.fullmatch(r"example 10/10  0:00 left", last)


def test_the_help_needs_no_rich():
    code = (
        "import sys; sys.argv[0] = '/usr/bin/hiervae'; from hiervae.cli import main; "
        "status = main(['plugins']); sys.exit(any(m in sys.modules for m in ('rich', 'jinja2')))"
    )
    environment = {**os.environ, "KERAS_BACKEND": "nonsense"}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
