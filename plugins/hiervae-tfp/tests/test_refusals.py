"""What is refused, in one line that names key, value and what was expected."""

import os
import subprocess
import sys

import pytest
from hiervae import registry
from hiervae.likelihoods import Likelihood
from hiervae.priors import Prior
from tfp_support import no_distribution, not_registered, with_prior

NORMAL = {"tfd": "Normal", "loc": 0.0, "scale": 1.0}
VECTOR = {"tfd": "Sample", "distribution": NORMAL, "sample_shape": "size"}


def weight(**options):
    return {"tfd": "Normal", "loc": {"variable": [2], **options}, "scale": 1.0}


def network(**options):
    function = {"network": "autoregressive", **options}
    return {"tfb": "MaskedAutoregressiveFlow", "shift_and_log_scale_fn": function}


def transformed(bijector):
    return {"tfd": "TransformedDistribution", "distribution": VECTOR, "bijector": bijector}


def prior(options):
    return registry.create("hiervae.priors", {"name": "tfp", **options}, Prior)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (7, r"distribution=7: expected one of 'full_covariance_mixture', "),
        ("Normall", r"prior\.tfd='Normall': expected a distribution .*did you mean 'Normal'\?"),
        ("Normal.__init__", r"prior\.tfd='Normal\.__init__': expected a distribution"),
        ("__builtins__", r"prior\.tfd='__builtins__': expected a distribution"),
        ("tf", r"prior\.tfd='tf': expected a distribution"),
        ("JointDistribution", r"prior\.tfd='JointDistribution': expected a distribution"),
        (
            {"distribution": "Normal", "lok": 0.0},
            r"prior\.lok=0\.0: expected an argument .*'loc'\?",
        ),
        ("Normal", r"prior: tfd\.Normal needs the argument 'loc'"),
        (
            {"distribution": "made", "num_layers": 3},
            r"num_layers=3: expected one of the options of made: num_components, hidden_units\.",
        ),
        ({"distribution": "made", "num_components": 0}, "num_components=0: expected"),
        ({"distribution": NORMAL, "loc": 0.0}, r"loc=0\.0: expected no options beside a config"),
        ({**NORMAL, "loc": "zero"}, r"prior\.loc='zero': expected a finite number"),
        ({**NORMAL, "loc": float("nan")}, r"prior\.loc=nan: expected a finite number"),
        ({**NORMAL, "name": "x"}, r"prior\.name='x': expected an argument of tfd\.Normal"),
        ({**NORMAL, "loc": {"weight": [2]}}, r"prior\.loc=\{'weight': \[2\]\}: expected exactly"),
        ({**NORMAL, "loc": {"output": []}}, r"prior\.loc=.*: expected a parameter of its own"),
        ({"tfb": "Exp"}, r"prior=\{'tfb': 'Exp'\}: expected a distribution"),
        (weight(shape=[3]), r"prior\.loc\.shape=\[3\]: expected one of the keys 'initial', "),
        (weight(initial="ones"), r"prior\.loc\.initial='ones': expected a number, nested lists"),
        (weight(initial={"normal": -1}), r"prior\.loc\.initial\.normal=-1: expected"),
        (weight(constraint="posit"), r"prior\.loc\.constraint='posit': expected one of 'positive'"),
        (
            weight(constraint={"between": [2, 1]}),
            r"constraint\.between=\[2, 1\]: expected two numbers, the lower first",
        ),
        (
            weight(constraint={"log_between": [0, 1]}),
            r"constraint\.log_between=\[0, 1\]: expected two positive numbers",
        ),
        (weight(trainable="no"), r"prior\.loc\.trainable='no': expected"),
        ({**NORMAL, "loc": {"variable": [0]}}, r"prior\.loc\.variable=\[0\]: expected a shape"),
        ({**NORMAL, "loc": {"variable": ["event"]}}, r"expected a shape: .* or 'size'"),
        (transformed(network(hidden_units=[])), r"hidden_units=\[\]: expected one or more widths"),
        (transformed(network(inputs=3)), r"\.inputs=3: expected no sizes"),
        (transformed(network(returns=NORMAL)), r'shift_and_log_scale_fn=.*without "returns"'),
        (
            transformed({"tfb": "RealNVP", "shift_and_log_scale_fn": {"network": "dense"}}),
            r"a dense network needs 'inputs'",
        ),
        (
            {"tfd": "Autoregressive", "distribution_fn": {"network": "autoregressive"}},
            r'distribution_fn=.*: expected a network with "returns"',
        ),
        ({"tfd": "Autoregressive", "distribution_fn": 3}, r"distribution_fn=3: expected \{\"netw"),
        ({"distribution": {"function": "no>such"}}, r"distribution\.function='no>such': expected"),
        ({"distribution": not_registered}, "put @keras.saving.register_keras_serializable"),
    ],
)
def test_a_wrong_prior(options, message):
    if not isinstance(options, dict) or {"tfd", "tfb"} & set(options):
        options = {"distribution": options}
    with pytest.raises(ValueError, match=message) as caught:
        prior(options)
    assert str(caught.value).startswith("The prior 'tfp' cannot be made: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distribution": "real_nvp"}, "latent of 1 dimension; expected two or more"),
        ({"distribution": NORMAL}, r"event shape \[\]; expected \[\] and \[1\]"),
        ({"distribution": weight(initial=[1.0, 2.0, 3.0])}, r"initial=.*of shape \[2\]"),
        (
            {"distribution": weight(initial=-1.0, constraint="positive")},
            r"prior\.loc\.initial=-1\.0: expected values that keep the constraint",
        ),
        ({"distribution": weight(initial={"identity": 1.0})}, "square matrices alone"),
        (
            {
                "distribution": "MultivariateNormalDiag",
                "loc": [0.0, 1.0],
                "scale_diag": [1.0, 1.0, 1.0],
            },
            r"prior: tfd\.MultivariateNormalDiag refuses the arguments loc, scale_diag: ",
        ),
        ({"distribution": no_distribution}, "function returned int; expected a distribution"),
        (
            {
                "tfd": "Autoregressive",
                "distribution_fn": {"network": "autoregressive", "returns": VECTOR},
            },
            r"distribution_fn\.returns has no .*: expected one or more parameters",
        ),
    ],
)
def test_a_prior_that_does_not_fit_the_model(options, message):
    if "tfd" in options:
        options = {"distribution": options}
    with pytest.raises(ValueError, match=message) as caught:
        with_prior(size=1, **options)
    assert "\n" not in str(caught.value)


COUNTS = {"tfd": "Poisson", "log_rate": {"output": []}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distribution": "poison"}, r"likelihood\.tfd='poison': expected a distribution"),
        (
            {"distribution": {**COUNTS, "log_rate": 0.0}},
            r"expected one or more \{\"output\": shape",
        ),
        ({"distribution": COUNTS, "support": "counts"}, r"support='counts': expected \{\"low\""),
        ({"distribution": COUNTS, "support": {"step": 0}}, r"support\.step=0: expected a pos"),
        ({"distribution": COUNTS, "support": {"low": "a"}}, r"support\.low='a': expected a number"),
        ({"distribution": COUNTS, "support": {"low": 2, "high": 1}}, r"support\.high=1\.0: expec"),
        (
            {"distribution": {"tfd": "Zipf", "power": {"output": []}}},
            r"support=None: expected it to be given, since that of tfd\.Zipf is not known",
        ),
        ({"distribution": "poisson", "rate": 1}, r"rate=1: expected .* of poisson: it has none"),
        ({"distribution": "categorical", "num_categories": 1.5}, r"num_categories=1\.5"),
        ({"distribution": "categorical", "num_categories": 1}, "num_categories=1: expected at le"),
        (
            {"distribution": "quantised_logistic_mixture", "levels": 1},
            "levels=1: expected at least 2",
        ),
        (
            {"distribution": {**COUNTS, "log_rate": {"output": [], "initial": {"normal": 1.0}}}},
            r"log_rate\.initial=\{'normal': 1\.0\}: expected no noise",
        ),
        (
            {"distribution": {**COUNTS, "log_rate": {"network": "autoregressive"}}},
            r"log_rate=.*: expected no network",
        ),
    ],
)
def test_a_wrong_likelihood(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        registry.create("hiervae.likelihoods", {"name": "tfp", **options}, Likelihood)
    assert "\n" not in str(caught.value)


ELSEWHERE = """
import sys
from hiervae import registry
from hiervae.likelihoods import Likelihood
from hiervae.priors import Prior

for group, base in (("hiervae.priors", Prior), ("hiervae.likelihoods", Likelihood)):
    assert "tfp" in registry.available(group)
    assert "hiervae_tfp" not in sys.modules or group == "hiervae.likelihoods"
    try:
        registry.create(group, {"name": "tfp", "distribution": "made"}, base)
    except ValueError as error:
        print(error)
assert not {"tensorflow", "tensorflow_probability", "tf_keras"} & set(sys.modules)
"""


def test_another_backend_is_refused_in_one_line_and_nothing_imported():
    """PyTorch, or JAX where that is not installed."""
    for backend in ("torch", "jax"):
        environment = {**os.environ, "KERAS_BACKEND": backend}
        done = subprocess.run([sys.executable, "-c", f"import {backend}"], env=environment)
        if done.returncode == 0:
            break
    else:
        pytest.skip("TensorFlow is the only backend that is installed")
    command = [sys.executable, "-c", ELSEWHERE]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    lines = output.stdout.splitlines()
    assert len(lines) == 2
    for kind, line in zip(("prior", "likelihood"), lines, strict=True):
        assert line == (
            f"The {kind} 'tfp' cannot be made: hiervae-tfp needs the TensorFlow backend, and this "
            f"process runs on '{backend}'; set KERAS_BACKEND=tensorflow before Python starts."
        )


LISTING = """
import sys
from hiervae import registry

names = {entry.name for entry in registry.entries("hiervae.priors")}
assert "tfp" in names
print(sorted({"hiervae_tfp", "hiervae_flows", "tensorflow_probability"} & set(sys.modules)))
"""


def test_listing_imports_nothing():
    command = [sys.executable, "-c", LISTING]
    output = subprocess.run(command, check=True, capture_output=True, text=True)
    assert output.stdout.strip() == "[]"
