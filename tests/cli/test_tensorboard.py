"""What `hiervae train` leaves for TensorBoard, read from the real server over HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from hiervae.cli import main

pytestmark = [
    pytest.mark.backends("torch"),
    pytest.mark.filterwarnings("ignore:The path goes where the prior"),
]

COMMAND = (
    "from tensorboard import main; import sys; "
    "sys.argv = ['tensorboard', '--logdir', {folder!r}, '--port', '0', '--load_fast', 'false']; "
    "main.run_main()"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two runs of a model of two levels that differ in one setting."""
    runs = tmp_path_factory.mktemp("runs")
    for name, rate in (("slow", "0.0001"), ("fast", "0.01")):
        options = {
            "--preset": "ladder_vae",
            "--dataset": "pendulum",
            "--epochs": "2",
            "--learning-rate": rate,
            "--out": str(runs / name),
        }
        words = [word for pair in options.items() for word in pair]
        for key, value in (("num_images", 300), ("valid_size", 60), ("test_size", 250)):
            words += ["--dataset-option", f"{key}={value}"]
        for setting in (
            "model.latent_dims=[3,2]",
            "model.network.hidden_units=[[16],[8]]",
            'model.likelihood={"name":"gaussian","variance":0.1}',
        ):
            words += ["--set", setting]
        assert main(["train", *words]) == 0
    return runs


@pytest.fixture(scope="module")
def server(folder):
    """Reads a path from a TensorBoard that shows the runs."""
    command = [sys.executable, "-c", COMMAND.format(folder=str(folder))]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    )
    address = None
    while address is None:
        line = process.stderr.readline()
        assert line, "TensorBoard ended before it told its address"
        found = re.search(r"(http://\S+:\d+)/", line)
        address = found and found.group(1)

    def read(path, body=None, **query):
        url = f"{address}/data/{path}?{urllib.parse.urlencode(query)}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    deadline = time.monotonic() + 60
    while len(json.loads(read("runs"))) < 10 and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(2)  # the files of the last run are read
    yield read
    process.terminate()
    process.wait()
    process.stderr.close()


def test_each_run_leaves_all_kinds_of_events(folder):
    board = folder / "fast" / "tensorboard"
    assert {path.name for path in board.iterdir() if path.is_dir()} == {
        "images",
        "kl",
        "train",
        "validation",
    }
    assert (folder / "fast" / "kl_history.npz").is_file()
    metrics = json.loads((folder / "fast" / "metrics.json").read_text())
    assert 0.0 <= metrics["disentanglement"]["mig"] <= 1.0


@pytest.mark.slow
def test_every_tab_has_data(server):
    scalars = json.loads(server("plugin/scalars/tags"))
    assert {"beta", "elbo", "kl_1"} <= set(scalars["fast/tensorboard/train"])
    validation = set(scalars["fast/tensorboard/validation"])
    assert "elbo" in validation
    assert not validation & {"beta", "phase", "constraint"}
    images = json.loads(server("plugin/images/tags"))["fast/tensorboard/images"]
    assert set(images) == {"reconstructions", "samples"}
    run = "fast/tensorboard/kl"
    assert set(json.loads(server("plugin/histograms/tags"))[run]) == {
        "kl_1 per unit",
        "kl_2 per unit",
    }
    moments = json.loads(server("plugin/histograms/histograms", run=run, tag="kl_1 per unit"))
    assert len(moments) == 2
    run = "fast/tensorboard"
    (text,) = json.loads(server("plugin/text/text", run=run, tag="composition"))
    assert "ladder" in text["text"]


@pytest.mark.slow
def test_the_projector_has_labels_and_thumbnails(server):
    run = "slow/tensorboard"
    assert run in json.loads(server("plugin/projector/runs"))
    info = json.loads(server("plugin/projector/info", run=run))["embeddings"][0]
    assert info["tensorShape"] == [250, 2]
    assert info["sprite"]["singleImageDim"] == [16, 16]
    labels = server("plugin/projector/metadata", run=run, name="latents").decode().split()
    assert len(labels) == 250
    assert server("plugin/projector/sprite_image", run=run, name="latents")[1:4] == b"PNG"


@pytest.mark.slow
def test_runs_compare_by_settings_and_final_metrics(server):
    experiment = json.loads(server("plugin/hparams/experiment", {"experimentName": ""}))
    assert "optimizer.config.learning_rate" in {h["name"] for h in experiment["hparamInfos"]}
    metrics = [metric["name"] for metric in experiment["metricInfos"]]
    assert "final/test_elbo" in {metric["tag"] for metric in metrics}
    request = {
        "experimentName": "",
        "allowedStatuses": ["STATUS_SUCCESS"],
        "colParams": [
            {"hparam": "optimizer.config.learning_rate", "includeInResult": True},
            *({"metric": metric, "includeInResult": True} for metric in metrics),
        ],
        "startIndex": 0,
        "sliceSize": 10,
    }
    groups = json.loads(server("plugin/hparams/session_groups", request))["sessionGroups"]
    assert len(groups) == 2
    rates = {group["hparams"]["optimizer.config.learning_rate"] for group in groups}
    assert rates == {0.0001, 0.01}
    for group in groups:
        assert any(value["name"]["tag"] == "final/test_elbo" for value in group["metricValues"])
