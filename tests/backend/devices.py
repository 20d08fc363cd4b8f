"""Trains on the devices of its process and prints what came out; run by `test_devices`.

python devices.py one|spread|processes [number of processes, number of this one, port]
"""

import json
import os
import sys

MODE, *REST = sys.argv[1:]
if os.environ["KERAS_BACKEND"] == "jax":
    import jax

    if MODE == "processes":
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        count, rank, port = map(int, REST)
        jax.distributed.initialize(f"127.0.0.1:{port}", count, rank)

import keras  # noqa: E402 - after the processes have met
import numpy as np  # noqa: E402

import hiervae  # noqa: E402

X = np.random.default_rng(0).integers(0, 2, (100, 8)).astype("float32")
MLP = {"name": "mlp", "hidden_units": (8,)}
MODELS = {
    "vhp and rewo": (
        {"prior": {"name": "vhp", "num_importance_samples": 2, "network": MLP}},
        ("rewo", {"kappa": 0.9, "nu": 1.0, "alpha": 0.5}),
    ),
    "vamp and geco": ({"prior": {"name": "vamp", "num_components": 3}}, ("geco", {"kappa": 0.8})),
    "ladder and warm-up": (
        {"latent_dims": (3, 2), "inference": "ladder", "network": {**MLP, "batch_norm": True}},
        ("linear_warmup", {"epochs": 3}),
    ),
}


class Shard(keras.utils.PyDataset):
    """Batches of 30 examples and one of 10, in equal parts for the processes."""

    def __init__(self, count, rank):
        super().__init__()
        self.count, self.rank = count, rank

    def __len__(self):
        return 4

    def __getitem__(self, index):
        batch = X[30 * index : 30 * (index + 1)]
        part = len(batch) // self.count
        return (batch[self.rank * part : (self.rank + 1) * part],)


def result(settings, rule):
    """What a training gives, as lists of numbers."""
    name, options = rule
    model = hiervae.HierarchicalVAE(**{"latent_dims": 2, "network": MLP, "seed": 0, **settings})
    model.compile(keras.optimizers.Adam(1e-2))
    model.build((None, X.shape[1]))
    data = Shard(count, rank) if MODE == "processes" else Shard(1, 0)
    controller = hiervae.callbacks.BetaController(name, **options)
    history = model.fit(data, epochs=12, shuffle=False, verbose=0, callbacks=[controller]).history
    values = dict(history)
    values["scores"] = model.log_likelihood(X[:7], 20, seed=0, verbose=0).tolist()
    values["means"] = model.encode(X[:5])[0].ravel().tolist()
    for index, weight in enumerate(model.get_weights()):
        if weight.dtype == "float32":
            values[f"weight {index}"] = weight.ravel().tolist()
    if MODE != "processes":
        evaluation = model.evaluate(X, batch_size=33, verbose=0, return_dict=True)
        values |= {f"evaluated {key}": [value] for key, value in evaluation.items()}
        values["predicted"] = model.predict(X[:7], verbose=0).ravel().tolist()
    if os.environ["KERAS_BACKEND"] == "jax":
        values["identical"] = [
            np.array_equal(shard.data, variable.value.addressable_shards[0].data)
            for variable in model.variables
            for shard in variable.value.addressable_shards
        ]
    return values


if MODE != "one":
    keras.distribution.set_distribution(keras.distribution.DataParallel())
print("RESULT", json.dumps({name: result(*entry) for name, entry in MODELS.items()}), flush=True)
