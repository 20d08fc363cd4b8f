"""`report`: one page about a finished run."""

import base64
import json
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from hiervae.cli.main import build_parser
from hiervae.cli.settings import resolve
from hiervae.reports.images import SIGNATURE, read_image
from hiervae.runs import RunFolder
from hiervae.runs.history import read_history

pytestmark = pytest.mark.compiles(0)

VOID = {"meta", "img"}
SVG = "data:image/svg+xml;base64,"
NS = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\"'&amp;<img src=x>"


class Page(HTMLParser):
    """Reads a page and refuses what is not well-formed."""

    def __init__(self, text):
        super().__init__()
        assert text.startswith("<!DOCTYPE html>\n")
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else None, data))

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def pngs(self):
        return [image for image in self.of("img") if not image["src"].startswith(SVG)]

    @property
    def drawings(self):
        """The curves as (alternative text, tree) pairs; they must be XML."""
        found = [image for image in self.of("img") if image["src"].startswith(SVG)]
        return [
            (image["alt"], ElementTree.fromstring(base64.b64decode(image["src"][len(SVG) :])))
            for image in found
        ]

    @property
    def text(self):
        return " ".join(" ".join(data for tag, data in self.texts if tag != "style").split())

    def check_self_contained(self):
        ids = {attributes["id"] for _, attributes in self.elements if "id" in attributes}
        for tag, attributes in self.elements:
            assert tag not in {"script", "link", "iframe", "object", "base"}
            assert not {name for name in attributes if name.startswith("on")}
            if "src" in attributes:
                assert attributes["src"].startswith(("data:image/png;base64,", SVG))
                assert attributes["alt"]
            if "href" in attributes:
                assert attributes["href"].removeprefix("#") in ids
        (style,) = (data for tag, data in self.texts if tag == "style")
        assert "url(" not in style
        assert "@import" not in style


def read_page(path):
    page = Page(path.read_text(encoding="utf-8"))
    page.check_self_contained()
    return page


def group(tree, name):
    """The path of a group of a drawing as points (x, y), one list a continuous line."""
    (found,) = (element for element in tree.iter(f"{NS}g") if element.get("id") == name)
    lines = []
    for path in found.findall(f"{NS}path"):
        for kind, x, y in re.findall(r"([ML]) (\S+) (\S+)", path.get("d")):
            lines += [[]] if kind == "M" else []
            lines[-1].append((float(x), float(y)))
    return lines


def has_group(tree, name):
    return any(element.get("id") == name for element in tree.iter(f"{NS}g"))


def edit(path, change):
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def test_the_page_holds_the_run(hiervae, run):
    config = json.loads((run / "config.json").read_text())
    metrics = json.loads((run / "metrics.json").read_text())
    outcome = hiervae("report", run, "--json")
    assert outcome.status == 0
    page = read_page(run / "report.html")
    assert page.of("title")
    assert "vhp on Pendulum" in page.text
    for section in ("valid", "test", "polar_regression"):
        for name, value in metrics[section].items():
            assert isinstance(value, str) or f"{value:.6g}" in page.text, (section, name)
    assert "nats per example" in page.text
    assert "radians" in page.text
    assert config["data"]["checksum"] in page.text
    assert "learning_rate = 0.003" in page.text
    assert "network.hidden_units = 8" in page.text
    assert "evaluation_importance_samples = 3" in page.text
    assert "kappa = 0.6" in page.text
    backend = config["versions"]["backend"]
    assert f"backend {backend['name']} {backend['version']}" in page.text
    assert outcome.record == {
        "run": str(run),
        "report": str(run / "report.html"),
        "measures": list(metrics),
        "curves": ["loss", "elbo", "reconstruction", "kl"],
        "pictures": outcome.record["pictures"],
        "missing": [],
    }


def test_every_picture_is_inside(hiervae, run):
    (run / "figures" / "own.png").write_bytes((run / "figures" / "samples.png").read_bytes())
    outcome = hiervae("report", run, "--json")
    files = {path.name: path.read_bytes() for path in (run / "figures").iterdir()}
    page = read_page(run / "report.html")
    inside = [base64.b64decode(image["src"].partition(",")[2]) for image in page.pngs]
    assert sorted(outcome.record["pictures"]) == sorted(files)
    names = [name for name in outcome.record["pictures"] if name != "control.png"]
    assert (names[0], names[-1]) == ("reconstructions.png", "own.png")
    names.append("control.png")  # with the curves
    assert inside == [files[name] for name in names]
    for name, image in zip(names, page.pngs):
        assert image["alt"].startswith(name.removesuffix(".png").replace("_", " "))
        assert int(image["width"]) > int(image["height"]) / 4 > 10
        assert f"( {name} )" in page.text


def test_pictures_are_in_the_order_of_their_numbers(hiervae, run):
    content = (run / "figures" / "samples.png").read_bytes()
    for name in ("traversal_level_10", "traversal_level_2", "interpolation_-10_100"):
        (run / "figures" / f"{name}.png").write_bytes(content)
    names = hiervae("report", run, "--json").record["pictures"]
    assert names.index("traversal_level_10.png") == names.index("traversal_level_2.png") + 1
    text = read_page(run / "report.html").text
    assert "Traversal, level 10 ( traversal_level_10.png )" in text
    assert "line, -10 to 100 ( interpolation_-10_100.png )" in text


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("samples_seed_0", "Samples of the model, seed 0"),
        (
            "samples_seed_1_component_3_num_5_noise",
            "Samples of the model, seed 1, component 3, num 5, noise",
        ),
        (
            "traversal_level_2_num_4_limit_0.5_others_fresh_seed_7",
            "Traversal, level 2, num 4, limit 0.5, others fresh, seed 7",
        ),
        (
            "gibbs_chain_seed_1_steps_6",
            "Gibbs chains between examples and latents, seed 1, steps 6",
        ),
        (
            "interpolation_-10_1e+15_by_index_split_train_nodes_60",
            "Interpolation along the graph, and along the straight line, -10 to 1e+15, by index, "
            "split train, nodes 60",
        ),
        (
            "latent_graph_vhp",
            "Latent graph over posterior means, with the path of the interpolation, vhp",
        ),
    ],
)
def test_captions_tell_the_settings_in_a_name(tmp_path, name, caption):
    path = tmp_path / f"{name}.png"
    path.write_bytes(SIGNATURE + bytes(16))
    assert read_image(path).caption == caption


def test_protocols_and_further_sections_are_shown(hiervae, run):
    def add(metrics):
        metrics["test"] |= {
            "negative_log_likelihood": 87.654321,
            "standard_error": None,
            "bits_per_dimension": 0.4321,
            "protocol": {
                "num_samples": 4321,
                "prior_samples": None,
                "split": "test",
                "num_examples": 30,
                "of_examples": 80,
                "seed": 7,
            },
        }
        metrics["interpolation"] = {"from": 0.0, "length": 2.345678, "node_ids": [998877]}

    before = hiervae("report", run)
    assert before.status == 0
    assert f"hiervae evaluate {run}" in read_page(run / "report.html").text
    edit(run / "metrics.json", add)
    assert hiervae("report", run).status == 0
    text = read_page(run / "report.html").text
    assert "87.6543" in text
    assert "bits per dimension — 0.4321" in text
    assert "importance samples S an example 4321" in text
    assert "none, it is exact" in text
    assert "length of the path latent units 2.34568" in text
    assert "998877" not in text
    command = "hiervae evaluate run-again --split test --num-samples 4321 --seed 7 --limit 30"
    assert command in text
    assert "has not been estimated" not in text


def test_the_command_gives_the_same_run(hiervae, run):
    assert hiervae("report", run).status == 0
    page = read_page(run / "report.html")
    text = next(data for tag, data in page.texts if tag == "pre")
    variable, program, *arguments = shlex.split(text.splitlines()[0])
    config = RunFolder(run).read_config()
    assert variable == f"KERAS_BACKEND={config.versions['backend']['name']}"
    assert program == "hiervae"
    again = resolve(build_parser().parse_args(arguments), None)
    assert config.differences(again) == []
    assert again.dataset == config.dataset
    settings = next(data for tag, data in page.texts if tag == "pre" and data.startswith("{"))
    assert json.loads(settings) == json.loads((run / "config.json").read_text())


def test_curves_have_a_point_an_epoch(hiervae, run):
    assert hiervae("report", run).status == 0
    page = read_page(run / "report.html")
    rows = read_history(run / "history.csv")
    assert [alt.partition(" over")[0] for alt, _ in page.drawings] == [
        "loss",
        "ELBO",
        "reconstruction",
        "KL",
    ]
    for (_, tree), name in zip(page.drawings, ("loss", "elbo", "reconstruction", "kl")):
        # Training and validation share one scale, from the values to places on the page.
        places, values = [], []
        for index, key in enumerate((name, f"val_{name}")):
            (line,) = group(tree, f"curve-{index}")
            places += [y for _, y in line]
            values += [row[key] for row in rows]
        slope, offset = np.polyfit(values, places, 1)
        assert slope < 0
        np.testing.assert_allclose(slope * np.array(values) + offset, places, atol=1e-3)
    assert f"training {rows[-1]['kl']:.6g}" in page.text
    assert f"validation {rows[-1]['val_kl']:.6g}" in page.text


def test_beta_is_drawn_where_it_has_no_picture(hiervae, run):
    (run / "figures" / "control.png").unlink()
    record = hiervae("report", run, "--json").record
    assert record["curves"][-2:] == ["beta", "constraint"]
    labels = [alternative for alternative, _ in read_page(run / "report.html").drawings]
    assert labels[-2].startswith("β over epochs: training ")


def test_hostile_strings_stay_text(hiervae, run):
    def poison(config):
        config["preset"] = HOSTILE
        config["data"]["title"] = HOSTILE
        config["dataset"]["options"][HOSTILE] = HOSTILE
        config["parts"]["prior"]["name"] = HOSTILE
        config["parts"]["prior"]["config"][HOSTILE] = [HOSTILE]
        config["versions"]["plugins"] = {HOSTILE: HOSTILE}
        config["versions"]["backend"]["name"] = HOSTILE
        config["data"]["source"] = "\ud800\x00\u202e"

    assert hiervae("report", run).status == 0
    before = read_page(run / "report.html")
    edit(run / "config.json", poison)
    edit(run / "metrics.json", lambda metrics: metrics.update({HOSTILE: {HOSTILE: HOSTILE}}))
    (run / "figures" / '"><script>&.png').write_bytes(
        (run / "figures" / "samples.png").read_bytes()
    )
    assert hiervae("report", run).status == 0
    after = read_page(run / "report.html")
    assert {tag for tag, _ in after.elements} == {tag for tag, _ in before.elements}
    assert len(after.of("img")) == len(before.of("img")) + 1
    assert f"{HOSTILE} on {HOSTILE}" in after.text
    assert f"{HOSTILE} = {HOSTILE}" in after.text
    assert "source \ufffd\ufffd\ufffd" in after.text


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("metrics.json", "There is no metrics.json; measure the model with: hiervae evaluate "),
        ("history.csv", "There is no course of training"),
        ("figures", "There are no figures; draw with: hiervae sample "),
    ],
)
def test_what_is_missing_is_said(hiervae, run, name, says):
    (run / name).rename(run / "elsewhere")
    outcome = hiervae("report", run, "--json")
    assert outcome.status == 0
    (sentence,) = outcome.record["missing"]
    assert sentence.startswith(says)
    assert sentence in read_page(run / "report.html").text
    assert sentence in outcome.err


def test_a_picture_that_is_none_is_left_out(hiervae, run):
    (run / "figures" / "samples.png").write_bytes(b"\x89PNG")
    record = hiervae("report", run, "--json").record
    assert record["missing"] == ["figures/samples.png is left out: it is no PNG file."]
    assert "samples.png" not in record["pictures"]
    assert record["missing"][0] in read_page(run / "report.html").text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "{"),
        ("config.json", '{"format": "other"}'),
        ("metrics.json", "[1]"),
        ("history.csv", "epoch,step,loss\n1,2\n"),
        ("history.csv", "epoch,step\n1,x\n"),
        ("history.csv", "a,b\n1,2\n"),
        ("history.csv", ""),
    ],
)
def test_a_damaged_file_is_one_line(hiervae, run, name, content):
    (run / name).write_text(content)
    outcome = hiervae("report", run)
    assert outcome.status == 1
    assert name in outcome.error
    assert not (run / "report.html").exists()


def test_a_record_of_another_type_is_one_line(hiervae, run):
    edit(run / "config.json", lambda config: config.update(parts=[1]))
    outcome = hiervae("report", run)
    assert outcome.status == 1
    assert "config.json: parts is [1]; expected an object" in outcome.error


def test_an_unfinished_run_is_refused_as_elsewhere(hiervae, run, tmp_path):
    (run / "model.keras").unlink()
    outcome = hiervae("report", run)
    assert outcome.status == 1
    assert outcome.error == hiervae("sample", run).error
    assert not (run / "report.html").exists()
    assert "no run folder" in hiervae("report", tmp_path).error


def test_the_file_is_written_whole_or_not_at_all(hiervae, run, monkeypatch):
    assert hiervae("report", run).status == 0
    files, content = sorted(run.iterdir()), (run / "report.html").read_bytes()
    assert hiervae("report", run).status == 0
    assert (run / "report.html").read_bytes() == content  # the same run, the same file

    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(os, "replace", full)
    outcome = hiervae("report", run)
    assert outcome.status == 1
    assert outcome.error == f"{run / 'report.html'}: No space left on device"
    assert sorted(run.iterdir()) == files
    assert (run / "report.html").read_bytes() == content


def test_the_file_may_lie_elsewhere(hiervae, run, tmp_path):
    outcome = hiervae("report", run, "--out", tmp_path / "a.html")
    assert outcome.status == 0
    assert str(tmp_path / "a.html") in outcome.out
    read_page(tmp_path / "a.html")
    assert not (run / "report.html").exists()
    (tmp_path / "b.html").mkdir()
    for place, says in (("none/a.html", "there is no folder"), ("b.html", "this is a folder")):
        outcome = hiervae("report", run, "--out", tmp_path / place)
        assert outcome.status == 2
        assert outcome.error.startswith(f"--out {tmp_path / place}: {says}")


def test_no_other_file_is_overwritten(hiervae, run):
    before = (run / "config.json").read_bytes()
    outcome = hiervae("report", run, "--out", run / "config.json")
    assert outcome.status == 2
    assert "HTML" in outcome.error
    assert (run / "config.json").read_bytes() == before


def test_neither_keras_nor_a_backend_is_needed(run):
    code = (
        "import sys; sys.argv[0] = '/usr/bin/hiervae'; from hiervae.cli import main; "
        f"status = main(['report', {str(run)!r}]); "
        "sys.exit(status or 'keras' in sys.modules)"
    )
    environment = {**os.environ, "KERAS_BACKEND": "nonsense"}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
    read_page(run / "report.html")


@pytest.mark.parametrize("package", ["jinja2", "matplotlib.figure"])
def test_a_missing_package_is_one_line(hiervae, run, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    outcome = hiervae("report", run)
    assert outcome.status == 1
    assert outcome.error.endswith('Install it with: pip install "hiervae[monitoring]"')
    assert not (run / "report.html").exists()


def test_a_diverged_run_says_so_on_top(hiervae, run):
    edit(run / "metrics.json", lambda metrics: metrics["training"].update(diverged="it is bad"))
    assert hiervae("report", run).status == 0
    page = read_page(run / "report.html")
    assert "This training diverged: it is bad" in page.text.partition("Metrics")[0]


def test_an_initial_phase_that_did_not_end_is_said_on_top(hiervae, run):
    edit(run / "metrics.json", lambda metrics: metrics["training"].update(unfinished="raise <it>"))
    assert hiervae("report", run).status == 0
    page = read_page(run / "report.html")
    assert "raise <it>" in page.text.partition("Metrics")[0]


def test_the_initial_phase_and_the_kept_epoch_are_marked(hiervae, run):
    assert hiervae("report", run).status == 0
    assert not any(has_group(tree, "marked") for _, tree in read_page(run / "report.html").drawings)
    edit(run / "metrics.json", lambda metrics: metrics["training"].update(model_epoch=2))
    lines = (run / "history.csv").read_text().splitlines()
    place = lines[0].split(",").index("phase")
    rows = [line.split(",") for line in lines[1:]]
    for row, phase in zip(rows, ("0.0", "0.0", "1.0")):
        row[place] = phase
    (run / "history.csv").write_text("\n".join([lines[0], *map(",".join, rows)]) + "\n")
    assert hiervae("report", run).status == 0
    page = read_page(run / "report.html")
    for _, tree in page.drawings:
        (line,), (mark,) = group(tree, "curve-0"), group(tree, "marked")
        (shade,) = group(tree, "initial")
        (first, _), (second, _), _ = line
        assert [x for x, _ in mark] == pytest.approx([second, second], abs=1e-3)
        assert max(x for x, _ in shade) == pytest.approx(second, abs=1e-3)
        assert min(x for x, _ in shade) == pytest.approx(first, abs=1e-3)
    assert "Dashed: epoch 2, whose model was kept." in page.text
