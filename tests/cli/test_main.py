import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from hiervae import presets, registry
from hiervae.cli.main import COMMANDS, main

ABSENT = ("tensorflow", "jax", "torch", "nonsense")


def test_help_names_every_command(hiervae):
    outcome = hiervae("--help")
    assert outcome.status == 0
    assert all(f"\n    {name}" in outcome.out for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_shows_examples(hiervae, command):
    outcome = hiervae(command, "--help")
    assert outcome.status == 0
    assert f"\n  hiervae {command}" in outcome.out.partition("examples:")[2]


def test_help_of_train_names_every_preset(hiervae):
    words = set(hiervae("train", "--help").out.replace(",", " ").split())
    assert words >= set(presets.names())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["sample"],
        ["train", "--epochs", "0"],
        ["train", "--kappa", "nan"],
        ["train", "--set", "epochs"],
        ["evaluate", "x", "--split", "all"],
        ["plugins", "--grup", "x"],
    ],
)
def test_wrong_calls_exit_with_2(hiervae, arguments):
    outcome = hiervae(*arguments)
    assert outcome.status == 2
    assert "error:" in outcome.err
    assert not outcome.out


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_shows_the_usage_of_its_command(hiervae, command):
    operands = [] if command in ("train", "plugins", "datasets") else ["run"]
    if command == "interpolate":
        operands += ["--from=0", "--to=1"]
    if command == "new-plugin":
        operands = ["prior", "ring"]
    outcome = hiervae(command, *operands, "--nope")
    assert outcome.status == 2
    assert outcome.err.startswith(f"usage: hiervae {command} ")
    assert f"hiervae {command}: error: unrecognized arguments: --nope" in outcome.err


def test_an_unexpected_error_is_one_line_and_its_place_on_request(hiervae, monkeypatch):
    def broken(group):
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr(registry, "entries", broken)
    outcome = hiervae("plugins")
    assert outcome.status == 1
    assert outcome.error.startswith("ZeroDivisionError: one two (")
    assert "--traceback" in outcome.error
    assert "Traceback" in hiervae("plugins", "--traceback").err


def test_errors_are_json_too(hiervae, tmp_path):
    outcome = hiervae("sample", tmp_path, "--json")
    assert outcome.status == 1
    assert outcome.record == {"error": outcome.error}
    assert "no run folder" in outcome.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--json", "--seed", "-1"], "argument --seed"),
        (["sample", "--json"], "RUN"),
        (["plugins", "--json", "--nope"], "unrecognized arguments: --nope"),
        (["nosuch", "--json"], "invalid choice: 'nosuch'"),
        (["--json"], "<command>"),
    ],
)
def test_wrong_calls_are_json_too(hiervae, arguments, message):
    outcome = hiervae(*arguments)
    assert outcome.status == 2
    assert message in outcome.record["error"]


def test_wrong_calls_of_the_process_are_json_too(capfd, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["hiervae", "nosuch", "--json"])
    assert main() == 2
    assert "invalid choice: 'nosuch'" in json.loads(capfd.readouterr().out)["error"]


def test_interrupting_exits_with_130(hiervae, monkeypatch):
    def interrupted(group):
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "entries", interrupted)
    outcome = hiervae("plugins")
    assert (outcome.status, outcome.error) == (130, "interrupted")


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m hiervae plugins | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("call", "status"),
    [("plugins >&-", 0), ("plugins --json >&- 2>&-", 0), ("fly 2>&-", 2), ("sample /none 2>&-", 1)],
)
def test_output_that_was_closed_beforehand_is_no_error(call, status):
    command = f"{sys.executable} -m hiervae {call}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


def test_the_command_imports_keras_only_where_it_is_needed():
    code = (
        "import sys; sys.argv[0] = '/usr/bin/hiervae'; from hiervae.cli import main; "
        "status = [main(['plugins']), main(['datasets']), main(['train', '--help'])]; "
        "sys.exit('keras' in sys.modules or sum(status))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_library_is_whole_after_a_plain_import():
    code = "import hiervae, keras; keras.saving.get_registered_object('hiervae>HierarchicalVAE')()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "latent_dims" in done.stderr  # the class was found, and misses its argument


@pytest.mark.parametrize("name", [name for name in ABSENT if find_spec(name) is None])
def test_a_missing_backend_is_one_line(name, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "hiervae", "train", "--out", str(tmp_path / "run")],
        env={**os.environ, "KERAS_BACKEND": name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Keras is set to use the backend {name!r}" in done.stderr
    assert "KERAS_BACKEND=" in done.stderr
    if name != "nonsense":
        assert f'pip install "hiervae[{name}]"' in done.stderr
    assert not (tmp_path / "run").exists()
