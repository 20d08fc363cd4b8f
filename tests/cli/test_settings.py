import json
from dataclasses import replace

import keras
import pytest

from hiervae import presets
from hiervae.cli.main import build_parser
from hiervae.cli.settings import assign, read_settings, resolve
from hiervae.cli.usage_error import UsageError
from hiervae.errors import DamagedFileError


@pytest.fixture
def settings():
    def settle(*options, saved=None):
        return resolve(build_parser().parse_args(["train", *map(str, options)]), saved)

    return settle


def test_without_options_it_is_the_preset_for_the_pendulum(settings):
    config, preset = settings(), presets.get("vhp", dataset="pendulum")
    assert (config.preset, config.variant, config.seed) == ("vhp", "paper", 0)
    assert config.dataset == {"name": "pendulum", "options": {}}
    assert config.model == preset.model
    assert config.optimizer == preset.optimizer
    assert config.scheduler == preset.scheduler
    added = {
        "learning_rate_decay": None,
        "initial_weights": None,
        "steps_per_execution": "auto",
        "checkpoint_every": None,
        "checkpoint_every_steps": None,
        "keep_checkpoints": 3,
    }
    assert config.training == {**preset.training, **added}


def test_the_preset_depends_on_the_data_set(settings):
    config = settings("--dataset", "static_mnist")
    assert config.model == presets.get("vhp", dataset="static_mnist").model
    assert config.model != settings().model


def test_another_data_set_does_not_inherit_options(settings):
    saved = settings("--dataset-option", "num_images=20")
    assert settings(saved=saved).dataset["options"] == {"num_images": 20}
    more = settings("--dataset-option", "seed=2", saved=saved)
    assert more.dataset == {"name": "pendulum", "options": {"num_images": 20, "seed": 2}}
    other = settings("--dataset", "own.npy", "--dataset-option", "seed=2", saved=saved)
    assert other.dataset == {"name": "own.npy", "options": {"seed": 2}}


def test_a_file_of_data_is_kept_by_its_whole_path(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("own.npy", "pendulum"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "own.toml").write_text('dataset = "own.npy"\n')
    whole = str(tmp_path / "own.npy")
    for options in (("--dataset", "own.npy"), ("--config", "own.toml")):
        assert settings(*options).dataset["name"] == whole
    assert settings("--dataset", "pendulum").dataset["name"] == "pendulum"
    saved = replace(settings(), dataset={"name": whole, "options": {"seed": 2}})
    assert settings("--dataset", "own.npy", saved=saved).dataset == saved.dataset
    # Earlier versions kept the path as it was typed.
    saved = replace(saved, dataset={"name": "own.npy", "options": {}})
    for options in ((), ("--dataset", "own.npy"), ("--dataset", whole)):
        assert settings(*options, saved=saved).dataset == saved.dataset


def test_options_come_last(settings, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(
        'dataset = "static_mnist"\nseed = 4\n[training]\nepochs = 7\nbatch_size = 9\n'
        "[model.prior]\nlatent_dim = 5\n[scheduler]\nkappa = 0.7\nalpha = 0.9\n"
    )
    options = (
        "--epochs 8 --kappa 0.2 --set model.prior.num_importance_samples=3 --learning-rate 0.1"
    )
    config = settings("--config", file, *options.split())
    assert config.dataset["name"] == "static_mnist"
    assert config.seed == 4
    assert (config.training["epochs"], config.training["batch_size"]) == (8, 9)
    assert (config.model["prior"]["latent_dim"], config.model["prior"]["name"]) == (5, "vhp")
    assert config.model["prior"]["num_importance_samples"] == 3
    assert (config.scheduler["kappa"], config.scheduler["alpha"]) == (0.2, 0.9)
    assert config.optimizer["config"]["learning_rate"] == 0.1
    assert settings("--config", file, "--seed", 1).seed == 1


def test_another_scheduler_starts_from_its_own_options(settings):
    options = ("--scheduler", "linear_warmup", "--scheduler-option", "epochs=20")
    assert settings(*options).scheduler == {"name": "linear_warmup", "epochs": 20}
    same = settings("--scheduler", "rewo", "--tau", 9).scheduler
    assert same == {**presets.get("vhp", "pendulum").scheduler, "tau": 9.0}


@pytest.mark.parametrize("way", ["file", "--scheduler-option", "--set"])
def test_an_option_replaces_what_it_excludes(settings, tmp_path, way):
    preset = ("--preset", "vamp_vae", "--dataset", "static_mnist")
    assert settings(*preset).scheduler == {"name": "linear_warmup", "epochs": 100}
    file = tmp_path / "own.toml"
    file.write_text("[scheduler]\nsteps = 500\n")
    options = {
        "file": ("--config", file),
        "--scheduler-option": ("--scheduler-option", "steps=500"),
        "--set": ("--set", "scheduler.steps=500"),
    }[way]
    found = settings(*preset, *options).scheduler
    assert found == {"name": "linear_warmup", "steps": 500}
    both = settings(*preset, *options, "--set", "scheduler.epochs=5").scheduler
    assert both["epochs"] == 5
    if way == "--set":  # of one layer both stay, for the scheduler to refuse
        assert both["steps"] == 500


def test_a_data_set_may_be_named_with_its_distribution(settings):
    plain, qualified = (settings("--dataset", f"{of}static_mnist") for of in ("", "hiervae:"))
    assert qualified.scheduler == plain.scheduler
    assert qualified.scheduler["kappa"] != settings("--dataset", "own.npy").scheduler["kappa"]


def test_a_runs_config_is_taken_whole(settings, tmp_path):
    config = settings("--dataset-option", "num_images=20", "--seed", 3, "--nu", 0.4)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config.as_dict()))
    assert settings("--config", file).as_dict() == config.as_dict()
    assert settings("--resume", saved=config) == config
    for option, value in (("--preset", "vhp"), ("--variant", "code")):
        with pytest.raises(UsageError, match=f"{option} {value} and .* both choose"):
            settings("--config", file, option, value)


def test_going_on_compares_what_matters(settings):
    config = settings("--kappa", 0.25)
    longer = settings("--epochs", 999, "--steps-per-execution", 3, saved=config)
    assert config.differences(longer) == []
    assert config.differences(settings(saved=config)) == []
    other = settings("--kappa", 0.3, "--set", "model.prior.latent_dim=3", saved=config)
    assert config.differences(other) == [
        "model.prior.latent_dim is None in the run and 3 now",
        "scheduler.kappa is 0.25 in the run and 0.3 now",
    ]


def test_going_on_needs_the_same_variant(settings, tmp_path):
    config = settings()
    assert config.differences(settings("--variant", "paper", saved=config)) == []
    file = tmp_path / "own.json"
    file.write_text('{"variant": "code"}')
    for options in (("--variant", "code"), ("--config", file)):
        other = settings(*options, saved=config)
        assert config.differences(other) == ["variant is 'paper' in the run and 'code' now"]
    code = settings("--variant", "code")
    same = settings("--preset", "vhp", "--variant", "code", saved=code)
    assert code.differences(same) == []


@pytest.mark.parametrize(
    "options",
    [
        ("--set", "prior.latent_dim=2"),
        ("--set", "model=2"),
        ("--set", "model..x=2"),
        ("--set", "model.latent_dims.x.y=2"),
        ("--set", "model.latent_size=2"),
        ("--set", "training.epoch=2"),
        ("--set", "training.epochs=-1"),
        ("--set", "training.early_stopping_patience=0"),
        ("--set", "training.steps_per_execution=fast"),
        ("--decay", "linear"),
        ("--set", "optimizer.learning_rate=2"),
        ("--preset", "vpp"),
        ("--variant", "book"),
    ],
)
def test_what_does_not_exist_is_refused(settings, options):
    with pytest.raises((UsageError, ValueError)):
        settings(*options)


def test_settings_without_a_file_are_a_wrong_call(hiervae, tmp_path):
    for name, message in (("none.json", "this does not exist"), ("", "this is a folder")):
        path = tmp_path / name
        for out in ((), ("--out", tmp_path / "run")):  # without --out its data set names the folder
            outcome = hiervae("train", "--config", path, *out)
            assert outcome.status == 2
            assert f"--config {path}: {message}; expected a file" in outcome.error
    assert not (tmp_path / "run").exists()


def test_unknown_keys_of_a_file_are_refused(settings, tmp_path):
    file = tmp_path / "own.json"
    file.write_text('{"epochs": 3}')
    with pytest.raises(UsageError, match="'epochs'"):
        settings("--config", file)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": 3}, "model is 3; expected an object"),
        ({"model": "vhp"}, "model is 'vhp'; expected an object"),
        ({"training": None}, "training is None; expected an object"),
        ({"training": {"epochs": "many"}}, "epochs='many'"),
        ({"optimizer": 3}, "optimizer is 3; expected a name or an object"),
        ({"optimizer": None}, "optimizer is None"),
        ({"optimizer": {"config": 3}}, "'config': 3"),
        ({"optimizer": {"class_name": 3}}, "'class_name': 3"),
        ({"scheduler": 3}, "scheduler is 3; expected a name or an object"),
        ({"dataset": 3}, "dataset is 3; expected its name"),
        ({"dataset": {"name": 3}}, "expected its name"),
        ({"dataset": {"name": "own.npz", "options": 3}}, "'options': 3"),
        ({"dataset": {"name": "own.npz", "option": {}}}, "'option': {}"),
        ({"dataset": ""}, "name of the data set is empty"),
        ({"dataset": {"name": "pendulum", "options": {"foo": 3}}}, "no option 'foo'"),
        ({"preset": 3}, "preset is 3; expected a name"),
        ({"variant": 3}, "variant is 3; expected a name"),
        ({"dataset": {"name": "pendulum", "options": {"num_images": "a"}}}, "expected int"),
        ({"model": {"prior": 3}}, "model.prior is 3; expected a name"),
        ({"seed": -1}, "seed=-1: expected"),
        ({"seed": "a"}, "seed='a': expected"),
        ({"seed": 2**31}, "an integer from 0 to 2147483647"),
        ({"seed": 1.0}, "seed=1.0"),
    ],
)
def test_settings_of_a_wrong_type_are_refused(hiervae, tmp_path, given, message):
    file = tmp_path / "own.json"
    file.write_text(json.dumps(given))
    options = ("--set", "model.likelihood=bernoulli", "--learning-rate", 0.1)
    outcome = hiervae("train", "--config", file, "--out", tmp_path / "run", *options)
    assert outcome.status == 2
    assert message in outcome.error


def test_a_run_config_that_was_edited_wrongly_is_refused(settings, tmp_path):
    record = settings().as_dict()
    changes = ({"model": 3}, {"seed": -1}, {"training": {"epochs": 3}})
    for change, message in zip(changes, ("model is 3", "seed=-1", "lacks"), strict=True):
        (tmp_path / "config.json").write_text(json.dumps(record | change))
        with pytest.raises((UsageError, ValueError), match=message):
            settings("--config", tmp_path / "config.json")


def test_a_name_alone_stands_for_a_scheduler_or_an_optimizer(settings, tmp_path):
    file, preset = tmp_path / "own.json", presets.get("vhp", "pendulum")
    file.write_text('{"scheduler": "geco", "optimizer": "sgd", "dataset": "own.npz"}')
    config = settings("--config", file, "--kappa", 0.3)
    assert config.scheduler == {"name": "geco", "kappa": 0.3}
    assert config.optimizer == {"class_name": "sgd", "config": {}}
    file.write_text('{"scheduler": "rewo", "optimizer": "adam"}')
    config = settings("--config", file)
    assert config.scheduler == preset.scheduler
    assert config.optimizer == {**preset.optimizer, "class_name": "adam"}


def test_another_optimizer_is_that_one(settings, tmp_path):
    """The vamp presets name their own class in a way that comes before `class_name` to Keras."""
    file = tmp_path / "own.json"
    file.write_text('{"preset": "vamp_vae", "optimizer": {"class_name": "SGD"}}')
    for options in (
        ("--config", file),
        ("--preset", "vamp_vae", "--set", "optimizer.class_name=SGD"),
    ):
        optimizer = keras.optimizers.deserialize(settings(*options).optimizer)
        assert isinstance(optimizer, keras.optimizers.SGD)


def test_assign_opens_a_part_that_was_a_name():
    settings = {"model": {"prior": "vhp"}, "scheduler": None}
    assign(settings, "model.prior.latent_dim", 3)
    assert settings["model"] == {"prior": {"name": "vhp", "latent_dim": 3}}
    with pytest.raises(UsageError, match="--scheduler"):
        assign(settings, "scheduler.kappa", 1.0)


@pytest.mark.parametrize(("name", "text"), [("a.toml", "a = "), ("a.json", "")])
def test_a_file_of_endless_depth_is_refused(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text + "[" * 100_000)
    with pytest.raises(DamagedFileError, match=name):
        read_settings(path)


def test_options_of_a_scheduler_need_one(settings, tmp_path):
    file, iwae = tmp_path / "own.toml", ("--preset", "iwae")
    file.write_text("[scheduler]\nkappa = 0.2\n")
    for options in (("--config", file), ("--kappa", 0.2)):
        with pytest.raises(UsageError, match="kappa is an option of a scheduler; name one by"):
            settings(*iwae, *options)
    named = settings(*iwae, "--config", file, "--scheduler", "geco").scheduler
    assert named == {"name": "geco", "kappa": 0.2}
    with pytest.raises(UsageError, match=r"scheduler is \{'name': 3\}; expected settings such as"):
        settings(*iwae, "--scheduler", "geco", "--set", "scheduler.name=3")


@pytest.mark.parametrize("rate", ["-1.0", "NaN", "0.0", "0", "Infinity", "true", "1" + "0" * 400])
def test_a_learning_rate_that_trains_nothing_is_refused(settings, tmp_path, rate):
    file = tmp_path / "own.json"
    file.write_text(f'{{"optimizer": {{"config": {{"learning_rate": {rate}}}}}}}')
    for options in (("--config", file), ("--set", f"optimizer.config.learning_rate={rate}")):
        with pytest.raises(UsageError, match="expected a positive finite number"):
            settings(*options)


def test_a_whole_learning_rate_becomes_what_keras_takes(settings):
    rate = settings("--set", "optimizer.config.learning_rate=1").optimizer["config"]
    assert isinstance(rate["learning_rate"], float)
    assert rate["learning_rate"] == 1.0
