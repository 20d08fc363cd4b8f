"""What a trained model is used for: encoding, decoding, reconstructing and sampling."""

from __future__ import annotations

from benchmarks import models
from benchmarks.rows import OWN
from benchmarks.worker import Job


def prepare(name: str, subject: str, size: int, seed: int, smoke: bool) -> Job:
    """Prepare `size` examples of one of the model's methods."""
    if name == "pixelcnn":
        return _pixelcnn(subject, size, seed)
    model = models.build("hvae_vamp", seed, 1, smoke)
    x = models.examples("hvae_vamp", size, seed)
    latents = model.encode(x)
    works = {
        "encode": lambda: model.encode(x),
        "decode": lambda: model.decode(latents),
        "predict": lambda: model.predict(x, verbose=0),
        "sample": lambda: model.sample(size, seed=seed),
    }
    return Job(works[name], size)


def _pixelcnn(subject: str, size: int, seed: int) -> Job:
    """Sampling images, or as many full forward passes as an image has pixels."""
    model = models.build("pixelcnn", seed, 1)
    if subject == OWN:
        return Job(lambda: model.sample(size, seed=seed), size)
    from keras import ops

    from hiervae.backend import compile_function

    x = models.examples("pixelcnn", size, seed)
    likelihood, latents = model.likelihood, model.encode(x)
    features = _features(model, latents)
    images = ops.convert_to_tensor(x.reshape(size, 28, 28, 1))

    def function(features: object, images: object) -> object:
        return likelihood.logits(images, likelihood(features))

    compiled = compile_function(model, function)
    passes = 4

    def run() -> None:
        for _ in range(passes):
            ops.convert_to_numpy(compiled(features, images))

    return Job(run, size, scale=28 * 28 / passes)


def _features(model: object, latents: object) -> object:
    """What the decoder hands to the likelihood."""
    from keras import ops

    top = ops.convert_to_tensor(model.governed_latent(latents))  # type: ignore[attr-defined]
    return model.inference.generate(top, sample=False).features  # type: ignore[attr-defined]
