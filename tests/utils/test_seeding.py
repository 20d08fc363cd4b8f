"""Seeds of the generators, by themselves and in a model."""

import keras
import numpy as np
import pytest
from keras import ops

from hiervae.utils.seeding import derive_seed
from tests.support.models import binary_data, compiled, numpy_of, small_model, vhp

X = binary_data(32)


def test_derived_seeds_are_spread_and_repeat():
    seeds = [derive_seed(seed, purpose) for seed in range(2000) for purpose in ("a", "b")]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    gaps = np.diff(np.sort(seeds)) / 2**31 * len(seeds)
    assert np.mean(gaps < 0.1) == pytest.approx(1 - np.exp(-0.1), abs=0.03), "not like uniform"
    assert derive_seed(3, "a") == derive_seed(3, "a")


def test_draws_of_neighbouring_seeds_have_no_noise_in_common():
    """On torch, draw t + 1 of a Keras generator is draw t of the one with the next seed."""
    model = small_model()
    model.build((None, 6))
    draws = [model.sample_prior(20, seed=seed, batch_size=2) for seed in range(5)]
    values = np.concatenate(draws).ravel()
    assert len(np.unique(values)) == len(values)
    again = model.sample_prior(20, seed=3, batch_size=2)
    np.testing.assert_array_equal(again, draws[3])


def test_training_and_evaluation_draw_different_noise():
    model = small_model()
    states = [numpy_of(generator.state) for generator in (model.seed_generator,)]
    model.reset_generator(model.seed)
    states.append(numpy_of(model.evaluation_generator.state))
    assert states[0].tolist() != states[1].tolist()


def test_a_posterior_does_not_draw_again_what_its_examples_were_made_from():
    model = small_model(latent_dims=2)
    model.build((None, 6))
    for num in (64, 256):
        behind = model.sample_prior(num, seed=5)
        outcome = model.posterior(model.sample(num, seed=5), seed=5)
        (level,) = outcome.levels
        spread = np.exp(level.posterior.log_variance / 2)
        noise = (level.latent - level.posterior.mean) / spread
        assert np.abs(noise - behind).max() > 0.1
        correlation = np.corrcoef(noise.ravel(), behind.ravel())[0, 1]
        assert abs(correlation) < 4 / np.sqrt(2 * num)


def test_one_seed_is_another_noise_for_each_purpose():
    model = compiled(small_model(latent_dims=(2, 2), inference="top_down", prior=vhp(), seed=3))
    model.build((None, 6))
    latent = model.sample_prior(4)
    calls = [
        lambda: model.sample_prior(4, seed=3),
        lambda: model.posterior(X[:4], seed=3),
        lambda: model.generate(latent, sample=True, seed=3),
        lambda: model.prior_log_prob(latent, seed=3),
        lambda: model.reset_generator(3),
    ]
    states = set()
    for call in calls:
        call()
        states.add(int(numpy_of(model.evaluation_generator.state)[0]))
    assert len(states) == len(calls)


def test_evaluation_does_not_draw_again_what_its_examples_were_made_from():
    """Nor does it move the generator, or else what is drawn next would be drawn again later."""
    model = compiled(small_model(latent_dims=2, seed=3))
    model.build((None, 6))
    behind = model.sample_prior(256)  # the first draw of the model's life, without a seed
    state = numpy_of(model.evaluation_generator.state)
    drawn = []
    infer = model.inference.infer

    def noted(*arguments, **options):
        drawn.append(infer(*arguments, **options))
        return drawn[-1]

    model.inference.infer = noted
    model.compile("adam", run_eagerly=True)
    model.evaluate(X, batch_size=256, verbose=0)
    np.testing.assert_array_equal(numpy_of(model.evaluation_generator.state), state)
    (level,) = drawn[-1].levels
    noise = (level.latent - level.posterior.mean) / ops.exp(level.posterior.log_variance / 2)
    noise = numpy_of(noise)[: len(X)]
    assert np.abs(noise - behind[: len(X)]).max() > 0.1


@pytest.mark.parametrize(
    "prior",
    [
        "standard_normal",
        {"name": "vamp_data", "num_components": 5},
        {"name": "vamp", "num_components": 5, "initialize": "data"},
    ],
)
def test_a_global_seed_repeats_a_model_without_a_seed_of_its_own(prior):
    def losses(seed):
        keras.utils.set_random_seed(seed)
        model = compiled(small_model(prior=prior, seed=None))
        return model.fit(X, batch_size=16, verbose=0).history["loss"]

    first = losses(7)
    assert losses(7) == first
    assert losses(8) != first


def test_models_without_seeds_differ():
    one, other = (small_model(seed=None) for _ in range(2))
    assert one.working_seed != other.working_seed
    assert one.get_config()["seed"] is None
