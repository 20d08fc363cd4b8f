"""The exemplars of a trained model, encoded anew."""

from __future__ import annotations

from hiervae import HierarchicalVAE

from hiervae_exemplar.exemplar import ExemplarPrior


def refresh_exemplars(model: HierarchicalVAE) -> None:
    """Let the means of an exemplar prior be those that the model's encoder gives now.

    Training encodes some exemplars at every step, so that means are behind the encoder by at most
    num_components / refresh_size steps; this brings them up to date.

    Args:
        model: a trained model with the prior `exemplar`; its prior is changed.

    Raises:
        ValueError: if its prior is another one, or has no examples yet.
    """
    prior = model.prior
    if not isinstance(prior, ExemplarPrior):
        raise ValueError(
            f"The model's prior is {type(prior).__name__}; expected ExemplarPrior, whose means are "
            'encoded examples. Build the model with prior="exemplar".'
        )
    prior.refresh(lambda examples: model.governed_latent(model.encode(examples)))
