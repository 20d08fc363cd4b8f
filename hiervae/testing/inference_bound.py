"""Whether the closed form of a scheme's KL is the mean of log q - log p."""

from __future__ import annotations

import numpy as np

from hiervae.model import HierarchicalVAE
from hiervae.testing.inference_levels import BATCH
from hiervae.testing.subject import Subject
from hiervae.testing.workbench import binary_examples, tensor

DRAWS = 10_000
DEVIATIONS = 6.0


def check_kl(subject: Subject, model: HierarchicalVAE) -> None:
    """Compare the KL terms of the two kinds on the same draws."""
    inputs = tensor(binary_examples(BATCH, model.event_shape or ()))
    fix = "Set Level.top_down only where z_l is drawn after the latents its prior depends on."
    with subject.check("kl", fix) as check:
        totals = []
        for closed_form in (True, False):
            model.reset_generator(1)
            terms = model(inputs, return_terms=True, num_samples=DRAWS, closed_form=closed_form)
            totals.append(check.require_array("the KL", terms.total_kl, (DRAWS, BATCH)))
        difference = totals[0].astype("float64") - totals[1]
        error = difference.std(axis=0) / np.sqrt(DRAWS)
        gap = np.abs(difference.mean(axis=0)) - DEVIATIONS * error
        worst = int(gap.argmax())
        closed, estimated = (float(total.mean(axis=0)[worst]) for total in totals)
        check.require(
            gap[worst] <= 1e-3 * (1.0 + abs(closed)),
            f"a mean KL of {closed:.4f} nats in closed form beside {estimated:.4f} +- "
            f"{error[worst]:.4f} as the mean of log q - log p",
            "the same",
        )
