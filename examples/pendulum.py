"""A pendulum's angle, found by a two-dimensional latent space (Klushyn et al. 2019, section 4.1).

The data are images of a pendulum at uniformly distributed angles, so the angle is all there is to
learn. A VAE with the variational hierarchical prior (VHP) is trained in five ways that differ in
the rule for beta alone; initial weights, data and budget are the same:

* REWO, with the settings of the preset "vhp" for the pendulum, but for fewer epochs;
* GECO, with the same kappa, nu and running average; its beta starts at 1;
* linear warm-up, short and long. The paper warms up for 20 and for 200 epochs. Here the short
  warm-up takes a tenth of the budget and the long one half of it, 20 and 200 epochs at most;
* the VAE's objective as it is, beta = 1 throughout.

Beside them stands the IWAE, with the preset "iwae": the same networks under a standard normal
prior, trained by the importance-weighted bound.

Then a linear regression predicts the angle from the polar angle of the test images' posterior
means. An error of pi/2 = 1.57 radians means that nothing was learned; the paper (its Table 1) has
0.054 with REWO, 0.53 with GECO, 0.20 and 0.31 with warm-up and 0.49 with beta = 1. Which rules can
succeed hangs on the likelihood's variance: see --variance and docs/results.

    KERAS_BACKEND=jax python examples/pendulum.py --out runs/pendulum_methods
    KERAS_BACKEND=jax python examples/pendulum.py --out runs/pendulum_methods --seeds 8
    KERAS_BACKEND=jax python examples/pendulum.py --out runs/soft --variance 1 --kappa 0.04
    python examples/pendulum.py --smoke --out runs/smoke     # seconds; the numbers mean nothing

The folder then holds, for the first seed, the paper's

* figure_2_<method>.png: posterior and prior at several moments of training, and beta;
* figure_3_<method>.png: the latent space, the graph on prior samples, and the path through it
  from a pendulum at 0 degrees to one at 180;
* figure_4.png: the pendulums on these paths, one row a method;

and results.json with settings, versions and the errors of each seed.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np
from common import steps_per_execution, write_results

import hiervae
from hiervae import plotting
from hiervae.errors import NoPathError
from hiervae.evaluation import polar_regression
from hiervae.manifold import LatentGraph

IWAE = "IWAE"
REWO_ONLY = {"name", "beta", "tau"}


class Snapshots(keras.callbacks.Callback):
    """Keeps the latent space at chosen epochs.

    Args:
        x: examples of which posterior means and standard deviations are kept, (n, *event_shape).
        epochs: at the end of which epochs, counted from 1.
    """

    def __init__(self, x: np.ndarray[Any, Any], epochs: np.ndarray[Any, Any]) -> None:
        super().__init__()
        self.x = x
        self.epochs = set(epochs.tolist())
        self.kept: list[plotting.LatentSnapshot] = []
        self.steps: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Note the step; keep means, standard deviations and prior samples if it is time."""
        step = self.model.training_step
        self.steps.append(step)
        if epoch + 1 not in self.epochs:
            return
        posterior = self.model.posterior(self.x, sample=False).levels[0].posterior
        prior_samples = self.model.sample_prior(len(self.x), seed=0)
        stddevs = np.exp(0.5 * posterior.log_variance)
        self.kept.append(plotting.LatentSnapshot(step, posterior.mean, stddevs, prior_samples))
        shown = {key: round(logs[key], 4) for key in ("beta", "constraint", "elbo")}
        print(f"  epoch {epoch + 1}, step {step}: {shown}", flush=True)


def schedulers(rewo: dict[str, Any], epochs: int) -> dict[str, dict[str, Any]]:
    """The rules that are compared, by the name of the method."""
    shared = {key: value for key, value in rewo.items() if key not in REWO_ONLY}
    return {
        "REWO": rewo,
        "GECO": {"name": "geco", **shared},
        "warm-up short": {"name": "linear_warmup", "epochs": min(20.0, epochs / 10)},
        "warm-up long": {"name": "linear_warmup", "epochs": min(200.0, epochs / 2)},
        "beta = 1": {"name": "constant", "beta": 1.0},
        IWAE: {"name": "constant", "beta": 1.0},
    }


def title_of(method: str) -> str:
    """What the model of a method is called."""
    return method if method == IWAE else f"VHP, {method}"


def train(
    preset: Any, scheduler: dict[str, Any], data: Any, epochs: int, seed: int
) -> tuple[hiervae.HierarchicalVAE, Snapshots, list[float]]:
    """A trained model, its snapshots, and beta after each epoch."""
    keras.utils.set_random_seed(seed)  # the order of the batches
    model = preset.build_model(data.info.event_shape, seed, steps_per_execution(10))
    shown = np.unique(np.geomspace(1, epochs, 5).round().astype(int))
    snapshots = Snapshots(data.test, shown)
    history = model.fit(
        data.train,
        batch_size=preset.training["batch_size"],
        epochs=epochs,
        callbacks=[hiervae.callbacks.BetaController(scheduler), snapshots],
        verbose=0,
    )
    return model, snapshots, history.history["beta"]


def draw_latent_space(
    model: hiervae.HierarchicalVAE, data: Any, num_nodes: int, title: str, path: Path
) -> Any:
    """Figure 3; returns the decoded path from 0 to 180 degrees, None where there is none."""
    graph = LatentGraph.from_prior(model, num_nodes=num_nodes, num_neighbors=10)
    ends = hiervae.datasets.render_pendulum([0.0, np.pi], data.info.event_shape[0])
    routes = []
    try:
        routes.append(graph.interpolate(*ends))
    except NoPathError as error:
        print(f"  {title}: {error}")
    plotting.latent_space(
        model.encode(data.test)[0],
        data.test_labels,
        path,
        kind="angle",
        graph=graph,
        interpolations=routes,
        value_label="angle",
        title=title,
    )
    return routes[0].decoded if routes else None


def main() -> None:
    """Train, measure and draw."""
    summary = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(description=summary, epilog="See the top of this file.")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from 0")
    parser.add_argument("--epochs", type=int, default=20, help="budget of each method (default 20)")
    parser.add_argument("--variance", type=float, help="the likelihood's; the preset's by default")
    parser.add_argument("--kappa", type=float, help="of REWO and GECO; the preset's by default")
    parser.add_argument("--nu", type=float, help="of REWO and GECO; the preset's by default")
    parser.add_argument("--data-size", type=int, default=15_000, help="number of training images")
    parser.add_argument("--methods", nargs="+", help='some of them alone, such as REWO "beta = 1"')
    parser.add_argument("--out", type=Path, default=Path("runs/pendulum_methods"))
    parser.add_argument("--smoke", action="store_true", help="two epochs on few images")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    preset = hiervae.presets.get("vhp", dataset="pendulum")
    if options.variance is not None:
        preset.model["likelihood"]["variance"] = options.variance
    for name in ("kappa", "nu"):
        if getattr(options, name) is not None:
            preset.scheduler[name] = getattr(options, name)
    epochs, size, num_nodes = options.epochs, options.data_size, 1000
    if options.smoke:
        epochs, size, num_nodes = 2, 500, 100
    data = hiervae.datasets.load(
        "pendulum", num_images=size, valid_size=0, test_size=min(1500, size)
    )
    baseline = hiervae.presets.get("iwae", dataset="pendulum")
    methods = schedulers(preset.scheduler, epochs)
    if options.methods:
        methods = {name: methods[name] for name in options.methods}
    errors: dict[str, list[float]] = {method: [] for method in methods}
    strips = {}
    for seed in range(options.seeds):
        for method, scheduler in methods.items():
            print(f"{method}, seed {seed}: {scheduler}")
            trained = baseline if method == IWAE else preset
            model, snapshots, beta = train(trained, scheduler, data, epochs, seed)
            fit = polar_regression(model.encode(data.test)[0], data.test_labels)
            errors[method].append(fit.mean_absolute_error)
            print(f"  error {fit.mean_absolute_error:.3f} rad")
            if seed == 0:
                title, stem = title_of(method), re.sub(r"\W+", "_", method.lower())
                figure_2, figure_3 = (options.out / f"figure_{n}_{stem}.png" for n in (2, 3))
                plotting.latent_snapshots(snapshots.kept, snapshots.steps, beta, figure_2, title)
                decoded = draw_latent_space(model, data, num_nodes, title, figure_3)
                if decoded is not None:
                    strips[title] = decoded
            record = {
                "preset": preset.__dict__,
                "schedulers": methods,
                "epochs": epochs,
                "training_images": size,
                "seeds": list(range(seed + 1)),
                "mean_absolute_error_rad": errors,
            }
            write_results(options.out, record)
    if strips:
        plotting.interpolation_strip(strips, options.out / "figure_4.png")

    print(f"\nmean absolute error of the angle in radians, {epochs} epochs, {size} images")
    print(f"{'method':<20}{'median':>8}  {'each seed'}")
    for method, values in errors.items():
        each = " ".join(f"{value:.3f}" for value in values)
        print(f"{title_of(method):<20}{median(values):>8.3f}  {each}")
    print(f"pictures and results.json are in {options.out}")


if __name__ == "__main__":
    main()
