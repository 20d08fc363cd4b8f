"""A part in a model that is trained, looked at, saved and loaded."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hiervae import registry
from hiervae.model import HierarchicalVAE
from hiervae.model.objective import elbo
from hiervae.testing.check import Array
from hiervae.testing.mixtures import has_components
from hiervae.testing.subject import ROLES, Subject
from hiervae.testing.workbench import numpy, tensor

BATCH = 8


def check_composition(subject: Subject, model: HierarchicalVAE, examples: Array) -> None:
    """Check the part inside a built model on examples (24, *event_shape)."""
    before = {weight.path: numpy(weight).copy() for weight in model.trainable_variables}
    train(subject, model, examples)
    fix = "Let every trainable weight act on the loss; create what is fixed with trainable=False."
    with subject.check("gradients", fix) as check:
        for weight in model.trainable_variables:
            check.require(
                (numpy(weight) != before[weight.path]).any(),
                f"no movement of the trainable weight {weight.path!r} in six steps of Adam",
                "a gradient",
            )
    _check_inspection(subject, model, examples)
    _check_saving(subject, model, examples)


def train(
    subject: Subject,
    model: HierarchicalVAE,
    examples: Array,
    callbacks: Sequence[Any] = (),
    validated: bool = False,
) -> None:
    """Check that six compiled steps work, with finite metrics and without new state."""
    state = [variable.path for variable in model.variables]
    fix = (
        "Where that comes from the compiled step alone: compute with keras.ops alone, and never "
        "branch on a tensor."
    )
    with subject.check("fit", fix, fix_suits_exceptions=True):
        model.compile(optimizer=keras.optimizers.Adam(1e-2))
        with warnings.catch_warnings():
            # The check of the gradients names such weights, on every backend.
            warnings.filterwarnings("ignore", message="Gradients do not exist")
            history = model.fit(
                examples,
                batch_size=BATCH,
                epochs=2,
                verbose=0,
                callbacks=list(callbacks),
                validation_data=(examples,) if validated else None,
            ).history
    fix = "Bound what is exponentiated, divided by and taken the logarithm of."
    with subject.check("fit", fix) as check:
        for name, values in history.items():
            check.require(np.isfinite(values).all(), f"{name} = {values}", "finite numbers")
    with subject.check("state", "Create all weights in build().") as check:
        late = sorted({variable.path for variable in model.variables} - {*state})
        check.require(not late, f"the new weights {late} after fit", "none")


def reload(subject: Subject, model: HierarchicalVAE) -> HierarchicalVAE:
    """Return the model saved into a file and loaded again."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model.keras"))
        model.save(path)
        return keras.models.load_model(path, custom_objects=subject.custom_objects)


def _check_inspection(subject: Subject, model: HierarchicalVAE, examples: Array) -> None:
    with subject.check("inspection", "Keep to the shapes that the base class documents.") as check:
        model.evaluate(examples, batch_size=BATCH, verbose=0)
        latents = model.encode(examples)
        shapes = [latent.shape for latent in latents]
        expected = [(len(examples), *shape) for shape in model.latent_shapes]
        check.require(shapes == expected, f"latents of shapes {shapes}", f"{expected}")
        means = model.decode(latents)
        shape = examples.shape
        check.require(means.shape == shape, f"means of shape {means.shape}", f"{shape}")
        check.require(np.isfinite(means).all(), "means that are not finite", "finite numbers")
        drawn = model.sample(BATCH, seed=1)
        shape = (BATCH, *examples.shape[1:])
        check.require(drawn.shape == shape, f"samples of shape {drawn.shape}", f"{shape}")
        model.likelihood.check_values(drawn)
        again = model.sample(BATCH, seed=1)
        check.require((again == drawn).all(), "other samples from the same seed", "the same")
        if has_components(model.prior):
            drawn = model.sample_prior(BATCH, seed=1, component=0)
            shape = (BATCH, model.prior_dim)
            check.require(
                drawn.shape == shape, f"draws of a component of shape {drawn.shape}", f"{shape}"
            )


def _check_saving(subject: Subject, model: HierarchicalVAE, examples: Array) -> None:
    fix = "Let get_config() keep all options; make all weights attributes of the part in build()."
    with subject.check("saving", fix, fix_suits_exceptions=True) as check:
        loaded = reload(subject, model)
        role = ROLES[subject.group]
        saved, kept = (
            registry.describe(subject.group, getattr(each, role)) for each in (model, loaded)
        )
        check.require(kept == saved, f"the part {kept} after loading", f"{saved}")
        check.require_close(
            "the ELBO after loading", _elbo(loaded, examples), _elbo(model, examples), 1e-5
        )


def _elbo(model: HierarchicalVAE, examples: Array) -> Array:
    """The ELBO of each example, without compiling."""
    model.reset_generator(1)
    return numpy(elbo(model(tensor(examples), return_terms=True)))
