from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Scalars = dict[str, dict[int, float]]


@pytest.fixture
def read_events() -> Callable[[Path], EventAccumulator]:
    """Events of a directory as TensorBoard itself reads them."""

    def read(directory: Path) -> EventAccumulator:
        accumulator = EventAccumulator(str(directory), size_guidance={"scalars": 0, "images": 0})
        accumulator.Reload()
        return accumulator

    return read


@pytest.fixture
def read_scalars(read_events) -> Callable[[Path], Scalars]:
    """{tag: {step: value}}, steps in the order of the file."""

    def read(directory: Path) -> Scalars:
        accumulator, found = read_events(directory), {}
        for tag in accumulator.Tags()["scalars"]:
            series = accumulator.Scalars(tag)
            found[tag] = {event.step: event.value for event in series}
            assert len(found[tag]) == len(series), f"{tag} has a step twice"
        return found

    return read


@pytest.fixture
def file_size_limit() -> Callable[[int], AbstractContextManager[None]]:
    """Writing beyond a file size fails within the context, as on a full disk."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit
