"""Damaged files of a run: each is read as it was written, or refused with the package's error."""

import io
import json
import re
import time
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from hiervae.errors import HiervaeError
from hiervae.manifold.graph_arrays import GraphArrays
from hiervae.manifold.graph_file import read_graph, write_graph
from hiervae.runs.folder import RunFolder
from hiervae.runs.history import read_history, write_history
from hiervae.runs.model_file import load_model, save_model
from tests.support.models import compiled, small_model, vhp
from tests.support.mutants import NUM_MUTANTS, mutants

MAX_SECONDS = 5.0
MAX_BYTES = 256 * 2**20
NUMBER = re.compile(rb"(?<![\w.])\d+(?![\w.])")
EXTREME = (b"-1", b"0", b"1e400", b"1000000000", b"null", b"[]", b'"x"', b"1.5")


@pytest.fixture(scope="module")
def model():
    model = compiled(small_model(latent_dims=(3, 2), prior=vhp()))
    model.build((None, 6))
    return model


def bytes_of(write, path):
    write(path)
    return path.read_bytes()


def check(path, read, changed):
    """How many of the changed contents are refused; whatever else is raised fails the test."""
    refused = []
    tracemalloc.start()
    try:
        for content in changed:
            path.write_bytes(content)
            tracemalloc.reset_peak()
            started = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    read(path)
                except HiervaeError as error:
                    refused.append(str(error))
            assert time.process_time() - started < MAX_SECONDS
            assert tracemalloc.get_traced_memory()[1] < MAX_BYTES
    finally:
        tracemalloc.stop()
    assert not [message for message in refused if "\n" in message]
    return len(refused)


def with_config(content, config):
    """The archive of a model with another `config.json`."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, config if name == "config.json" else source.read(name))
    return target.getvalue()


def with_extreme_numbers(text, rng, number):
    """Configs in which one number became another value."""
    places = [match.span() for match in NUMBER.finditer(text)]
    for _ in range(number):
        start, end = places[rng.integers(len(places))]
        yield text[:start] + EXTREME[rng.integers(len(EXTREME))] + text[end:]


def test_models(model, tmp_path):
    path = tmp_path / "model.keras"
    content = bytes_of(lambda path: save_model(model, path), path)
    number = max(1, NUM_MUTANTS // 5)
    refused = check(path, load_model, mutants(content, np.random.default_rng(0), number))
    assert refused > number // 3


@pytest.mark.compiles(0)
def test_configs_of_models(model, tmp_path):
    path = tmp_path / "model.keras"
    content = bytes_of(lambda path: save_model(model, path), path)
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
    rng, number = np.random.default_rng(1), max(1, NUM_MUTANTS // 5)
    changed = [*mutants(config, rng, number), *with_extreme_numbers(config, rng, number)]
    refused = check(path, load_model, (with_config(content, each) for each in changed))
    assert refused > number // 3


def test_settings_of_runs(tmp_path):
    names = "preset variant dataset model optimizer scheduler training seed parts data versions"
    record = {"format": "hiervae run 1", **{name: {} for name in names.split()}, "seed": 3}
    record["dataset"] = {"name": "pendulum", "options": {}}
    folder = RunFolder(tmp_path)
    content = json.dumps(record, indent=2).encode()
    folder.config_file.write_bytes(content)
    folder.read_config()
    rng = np.random.default_rng(2)
    changed = [*mutants(content, rng, NUM_MUTANTS), *with_extreme_numbers(content, rng, 10)]
    assert check(folder.config_file, lambda path: folder.read_config(), changed) > NUM_MUTANTS // 3


def test_histories(tmp_path):
    path = tmp_path / "history.csv"
    rows = [{"epoch": n, "step": 10 * n, "loss": 1.5 / n} for n in range(1, 5)]
    content = bytes_of(lambda path: write_history(path, rows), path)
    changed = mutants(content, np.random.default_rng(3), NUM_MUTANTS)
    assert check(path, read_history, changed) > NUM_MUTANTS // 4


def test_graphs(tmp_path):
    path = tmp_path / "graph.npz"
    rng = np.random.default_rng(4)
    nodes = rng.random((6, 2))
    edges = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]])
    lengths = np.linalg.norm(np.diff(nodes, axis=0), axis=1)
    arrays = GraphArrays(nodes, edges, lengths, 2, np.ones(6, dtype=bool), 0.0, None)
    content = bytes_of(lambda path: write_graph(path, arrays), path)
    read_graph(path)
    assert check(path, read_graph, mutants(content, rng, NUM_MUTANTS)) > NUM_MUTANTS // 3
