"""Ctrl-C that waits until nothing is half done."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_MESSAGE = "\nInterrupted: stopping after this step. Press Ctrl-C again to stop at once.\n"


class _Interrupts:
    """The process's SIGINT while it is deferred; signals belong to the main thread alone.

    Attributes:
        depth: how many contexts are open.
        received: the frame in which a signal came that was not delivered yet, in a tuple of one.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.received: tuple[FrameType | None] | None = None
        self._previous: Any = None

    def open(self) -> None:
        self.depth += 1
        if self.depth == 1:
            self._previous = signal.getsignal(signal.SIGINT)
            if callable(self._previous):  # not where it is ignored, or handled outside of Python
                signal.signal(signal.SIGINT, self._receive)

    def close(self) -> None:
        self.depth -= 1
        if self.depth == 0 and callable(self._previous):
            signal.signal(signal.SIGINT, self._previous)

    def deliver(self) -> None:
        if self.received is not None:
            (frame,), self.received = self.received, None
            self._previous(signal.SIGINT, frame)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        second = self.received is not None
        self.received = (frame,)
        if second:
            self.deliver()
            return
        sys.stderr.write(_MESSAGE)
        sys.stderr.flush()


_INTERRUPTS = _Interrupts()


@contextmanager
def deferred() -> Iterator[None]:
    """Let Ctrl-C wait for `deliver`, or for the end of the outermost such context.

    A compiler or a step that is interrupted in the middle may take the process down or lose the
    weights. A second Ctrl-C is delivered at once. In other threads than the main one, which receive
    no signals, and where SIGINT is ignored nothing is changed.

    Raises:
        KeyboardInterrupt: at the end, if the signal came and its handler is Python's own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _INTERRUPTS.open()
    try:
        yield
    finally:
        _INTERRUPTS.close()
        if _INTERRUPTS.depth == 0:
            _INTERRUPTS.deliver()


def deliver() -> None:
    """Call the handler that SIGINT had before it was deferred, if a signal came since.

    Raises:
        KeyboardInterrupt: if the handler is Python's own.
    """
    if threading.current_thread() is threading.main_thread():
        _INTERRUPTS.deliver()


class Interruptible(Generic[P, T]):
    """A function, before each call of which a deferred Ctrl-C is delivered.

    Args:
        function: what is called.

    Attributes:
        function: the same.
    """

    def __init__(self, function: Callable[P, T]) -> None:
        self.function = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function.

        Raises:
            KeyboardInterrupt: if Ctrl-C was pressed since the last call.
        """
        deliver()
        return self.function(*args, **kwargs)


def uninterrupted(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that lets Ctrl-C wait for its end."""

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with deferred():
            return function(*args, **kwargs)

    return call
