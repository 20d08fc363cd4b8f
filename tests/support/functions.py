"""A plugin with a preset and a data set, as modules of a synthetic distribution."""

from tests.support.site import Site

PRESET = """
    from hiervae.presets import Preset

    SETTINGS = {"latent_dims": (2,), "network": {"name": "mlp", "hidden_units": (8,)},
                "likelihood": {"name": "gaussian", "variance": 0.1}}

    def tiny(dataset=None, variant="paper"):
        if variant not in ("paper", "wide"):
            raise ValueError(f"tiny has no variant {variant!r}; expected 'paper' or 'wide'.")
        model = SETTINGS if dataset != "moons" else {**SETTINGS, "latent_dims": (3,)}
        return Preset("tiny", variant, model, {"class_name": "Adam", "config": {}}, None,
                      {"epochs": 1, "batch_size": 10, "early_stopping_patience": None}, "a test")
"""

DATASET = """
    import numpy as np
    from hiervae.datasets import Dataset, DatasetInfo

    INFO = DatasetInfo("moons", "Moons", (4,), (None, None), "gaussian", "none", "generated",
                       "none", "none", sizes={"train": 40, "valid": 10, "test": 10})

    def load(store, *, num_examples: int = 40, seed=0) -> Dataset:
        draw = np.random.default_rng(seed).normal(size=(num_examples + 20, 4)).astype("float32")
        train, valid, test = np.split(draw, [num_examples, num_examples + 10])
        return Dataset(train, valid, test, store.info)
"""


def install_plugin(site: Site, version: str = "1.2") -> None:
    """Install `toy-plugin` with the preset `tiny` and the data set `moons`."""
    site.module("toy_presets", PRESET)
    site.module("toy_moons", DATASET)
    site.distribution(
        "toy-plugin",
        {
            "hiervae.presets": {"tiny": "toy_presets:tiny"},
            "hiervae.datasets": {"moons": "toy_moons:load"},
        },
        version,
    )
