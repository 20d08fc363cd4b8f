"""Whether a part's config means the same in another process, which has none of this one's memory.

One process serves all checks, because it takes seconds to start.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from typing import IO, Any

import keras

from hiervae import registry
from hiervae.testing.subject import Subject

INSIDE = "HIERVAE_TESTING_PROCESS"
"""Set in the other process, which checks nothing itself."""

OWN = ("hiervae", "keras", "numpy")
"""Packages that are not imported anew for each part."""


def check_process(subject: Subject) -> None:
    """Check that the part is rebuilt in another process with the same config.

    A class that cannot be imported by name, such as one of a script, is passed over.

    Raises:
        ConformanceError: of the check "process".
    """
    part_class = subject.part_class
    if os.environ.get(INSIDE) or not _is_importable(part_class) or _is_override(subject.record):
        return
    fix = "Let get_config() hold all that the constructor needs, not keys into memory or caches."
    with subject.check("process", fix, fix_suits_exceptions=True) as check:
        request = {
            "group": subject.group,
            "record": subject.record,
            "module": part_class.__module__,
            "name": part_class.__qualname__,
            "path": [os.path.abspath(folder) for folder in sys.path],
        }
        answer = _ask(request)
        check.require(
            "error" not in answer,
            f"{answer.get('error')} when the part was rebuilt in another process",
            "a part with the same config",
        )
        check.require(
            answer["record"]["config"] == subject.record["config"],
            f"the config {answer['record']['config']} in another process",
            f"{subject.record['config']}",
        )


def _is_importable(part_class: type) -> bool:
    module = sys.modules.get(part_class.__module__)
    if part_class.__module__ == "__main__" or getattr(module, part_class.__name__, None) is None:
        return False
    try:
        return importlib.util.find_spec(part_class.__module__) is not None
    except (ImportError, ValueError):  # a name that stands for no module
        return False


def _is_override(record: dict[str, Any]) -> bool:
    return record["name"] is not None and record["distribution"] is None


@cache
def _server() -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        INSIDE: "1",
        "KERAS_BACKEND": keras.backend.backend(),
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": os.pathsep.join(filter(None, map(os.path.abspath, sys.path))),
    }
    command = "from hiervae.testing.process import serve; serve()"
    server = subprocess.Popen(
        [sys.executable, "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    atexit.register(server.kill)
    return server


def _ask(request: dict[str, Any]) -> dict[str, Any]:
    server = _server()
    if server.stdin is None or server.stdout is None:
        raise RuntimeError("The other process has no pipes.")
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    line = server.stdout.readline()
    if not line:
        _server.cache_clear()
        raise RuntimeError(f"The other process ended with the status {server.wait()}.")
    answer: dict[str, Any] = json.loads(line)
    return answer


def serve() -> None:
    """Rebuild the parts that standard input describes, a line of JSON each, and answer likewise."""
    answers: IO[str] = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for line in sys.stdin:
        request = json.loads(line)
        sys.path[:] = request["path"]
        try:
            answer: dict[str, Any] = {"record": _rebuilt(**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _rebuilt(
    group: str, record: dict[str, Any], module: str, name: str, path: list[str]
) -> dict[str, Any]:
    """The record of a part rebuilt from one, its modules imported anew."""
    top = module.partition(".")[0]
    if top not in OWN:
        for loaded in [each for each in sys.modules if each.partition(".")[0] == top]:
            del sys.modules[loaded]
    importlib.invalidate_caches()
    registry.refresh()
    role = next(role for role in registry.ROLES.values() if role.group == group)
    part_class: Any = importlib.import_module(module)
    for each in name.split("."):
        part_class = getattr(part_class, each)
    known = {keras.saving.get_registered_name(part_class): part_class}
    with keras.saving.custom_object_scope(known):
        part: Any = registry.restore(group, record, role.base_class())
        described: dict[str, Any] = json.loads(json.dumps(registry.describe(group, part)))
    return described
