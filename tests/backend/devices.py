"""Trains on the devices of its process and prints what came out; run by `test_devices`.

python devices.py one|spread|processes|apart [processes, number of this one, port [steps]]

With a number of steps one model trains so long, and the program prints "STEP" and how many it took.
"apart" are processes with other examples, then other weights, of which then one calls alone.
"""

import json
import os
import sys
from contextlib import contextmanager
from datetime import timedelta

MODE, *REST = sys.argv[1:]
BACKEND = os.environ["KERAS_BACKEND"]
COUNT, RANK, PORT, STEPS = [*map(int, REST), *(1, 0, 0, 0)[len(REST) :]]
if BACKEND == "jax":
    import jax

    if MODE == "processes":
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"127.0.0.1:{PORT}", COUNT, RANK, heartbeat_timeout_seconds=15)
elif BACKEND == "tensorflow":
    import tensorflow as tf

    if MODE == "processes":
        workers = [f"127.0.0.1:{PORT + number}" for number in range(COUNT)]
        task = {"type": "worker", "index": RANK}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": workers}, "task": task})
        STRATEGY = tf.distribute.MultiWorkerMirroredStrategy()
    elif MODE == "spread":
        cpu = tf.config.list_physical_devices("CPU")[0]
        configuration = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, [configuration] * 2)
        STRATEGY = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    else:
        STRATEGY = tf.distribute.get_strategy()
elif MODE in ("processes", "apart"):
    import torch

    torch.distributed.init_process_group(
        "gloo",
        f"tcp://127.0.0.1:{PORT}",
        timedelta(seconds=30),
        world_size=COUNT,
        rank=RANK,
    )

import keras  # noqa: E402
import numpy as np  # noqa: E402

import hiervae  # noqa: E402

IS_JAX = BACKEND == "jax"
# Batches of 30 and a last one of 10, which processes of JAX divide, or of 1, which leaves one none.
ROWS = 100 if IS_JAX else 91
X = np.random.default_rng(0).integers(0, 2, (ROWS, 8)).astype("float32")
WEIGHTS = np.random.default_rng(1).uniform(0, 2, ROWS) * (np.arange(ROWS) % 30 > 14)
MLP = {"name": "mlp", "hidden_units": (8,)}
NORMALISED = {**MLP, "batch_norm": True}
REWO = ("rewo", {"kappa": 0.9, "nu": 1.0, "alpha": 0.5})
MODELS = {
    "vhp and rewo": (
        {"prior": {"name": "vhp", "num_importance_samples": 2, "network": MLP}},
        REWO,
    ),
    "vamp and geco": ({"prior": {"name": "vamp", "num_components": 3}}, ("geco", {"kappa": 0.8})),
    "ladder and warm-up": (
        {"latent_dims": (3, 2), "inference": "ladder", "network": NORMALISED},
        ("linear_warmup", {"epochs": 3}),
    ),
}
OPTIMIZERS = {}
if not IS_JAX:
    MODELS["drawn components, clipped"] = (
        {
            "latent_dims": (3, 2),
            "prior": {"name": "vamp", "num_components": 15},
            "network": {**NORMALISED, "dropout": 0.2},
            "free_bits": 0.1,
            "num_samples": 2,
        },
        REWO,
    )
    # Not Adam, which makes large steps of the rounding of gradients that are zero.
    OPTIMIZERS["drawn components, clipped"] = {"momentum": 0.9, "global_clipnorm": 0.5}


class Part(keras.utils.PyDataset):
    """This process's part of each batch, for JAX, where a process has its own examples."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        batch = X[30 * index : 30 * (index + 1)]
        part = len(batch) // COUNT
        return (batch[RANK * part : (RANK + 1) * part],)


def made(settings, descent=None):
    """A compiled and built model."""
    model = hiervae.HierarchicalVAE(**{"latent_dims": 2, "network": MLP, "seed": 0, **settings})
    optimizer = keras.optimizers.SGD(0.05, **descent) if descent else keras.optimizers.Adam(1e-2)
    model.compile(optimizer)
    model.build((None, X.shape[1]))
    return model


def fitted(model, rule, weights=None, epochs=12, callbacks=()):
    """The history of a training."""
    name, options = rule
    callbacks = [hiervae.callbacks.BetaController(name, **options), *callbacks]
    settings = {"epochs": epochs, "shuffle": False, "verbose": 0, "callbacks": callbacks}
    if IS_JAX:
        return model.fit(Part(), **settings).history
    return model.fit(X, batch_size=30, sample_weight=weights, **settings).history


def are_identical(model):
    """Whether the copies of each variable on the devices of this process are."""
    if IS_JAX:
        copies = [[s.data for s in v.value.addressable_shards] for v in model.variables]
    elif BACKEND == "tensorflow" and MODE != "one":
        copies = [list(getattr(v.value, "values", [v.value])) for v in model.variables]
    else:
        return []
    return [bool(np.array_equal(each, several[0])) for several in copies for each in several]


@contextmanager
def noted_rows(model):
    """Note how many rows a device scores at once; JAX divides them where Python does not see it."""
    kind, rows = type(model.likelihood), []
    original = kind.log_prob_of_draws

    def noting(self, inputs, *arguments):
        if not IS_JAX:
            rows.append(int(inputs.shape[0]))
        return original(self, inputs, *arguments)

    kind.log_prob_of_draws = noting
    try:
        yield rows
    finally:
        kind.log_prob_of_draws = original


def result(name, settings, rule):
    """What a training gives, as lists of numbers."""
    model = made(settings, OPTIMIZERS.get(name))
    weights = WEIGHTS if name == "vamp and geco" and not IS_JAX else None
    values = dict(fitted(model, rule, weights))
    with noted_rows(model) as rows:
        values["scores"] = model.log_likelihood(X[:7], 20, seed=0, verbose=0).tolist()
    values["rows scored"] = rows
    latents = model.encode(X[:5], sample=True, seed=0)
    values |= {f"draws {i}": latent.ravel().tolist() for i, latent in enumerate(latents)}
    governed = model.governed_latent(latents)
    values["log-densities"] = model.prior_log_prob(governed, seed=0).tolist()
    values["generated"] = model.generate(governed, sample=True, seed=0).ravel().tolist()
    for index, weight in enumerate(model.get_weights()):
        if weight.dtype == "float32":
            values[f"weight {index}"] = weight.ravel().tolist()
    if MODE != "processes" or not IS_JAX:
        evaluation = model.evaluate(X, batch_size=33, verbose=0, return_dict=True)
        values |= {f"evaluated {key}": [value] for key, value in evaluation.items()}
    if MODE != "processes" or BACKEND == "torch":
        values["predicted"] = model.predict(X[:7], verbose=0).ravel().tolist()
    values["identical"] = are_identical(model)
    return values


class Progress(keras.callbacks.Callback):
    """Prints how many steps were taken."""

    def on_epoch_end(self, epoch, logs=None):
        print("STEP", self.model.training_step, flush=True)


def refusal(examples, seed):
    """What a process says that scores examples by a model of this seed."""
    try:
        made({"seed": seed}).log_likelihood(examples, 20, verbose=0)
    except (ValueError, RuntimeError) as error:
        return str(error)
    return ""


def run():
    """Train, and print what came out."""
    if MODE == "apart":
        said = [refusal(X[RANK : RANK + 5], 0), refusal(X[:5], RANK)]
        print("RESULT", json.dumps([*said, refusal(X[:5], 0) if RANK == 0 else ""]))
        return
    if not STEPS:
        results = {name: result(name, *entry) for name, entry in MODELS.items()}
        print("RESULT", json.dumps(results), flush=True)
        return
    model = made(MODELS["vhp and rewo"][0])
    folder = os.environ.get("CHECKPOINTS")
    callbacks = [Progress()]
    if folder:
        callbacks.append(keras.callbacks.BackupAndRestore(os.path.join(folder, str(RANK))))
    fitted(model, REWO, epochs=STEPS // 4, callbacks=callbacks)
    weights = {str(i): w.ravel().tolist() for i, w in enumerate(model.get_weights())}
    weights["identical"] = are_identical(model)
    print("RESULT", json.dumps(weights), flush=True)


if IS_JAX and MODE != "one":
    keras.distribution.set_distribution(keras.distribution.DataParallel())
if BACKEND == "tensorflow":
    with STRATEGY.scope():
        run()
    if MODE == "processes":
        os._exit(0)  # TensorFlow's threads of collectives may keep a worker from ending
else:
    run()
