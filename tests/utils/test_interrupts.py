"""A deferred Ctrl-C arrives once, and where it is asked for."""

import signal
import threading

import pytest

from hiervae.utils.interrupts import deferred, deliver


def press() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def handler():
    """Python's own handler, whatever runs the tests."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, previous)


def interrupted(*actions) -> list[int]:
    """The numbers of the actions that were done, in a context that Ctrl-C ends."""
    done = []

    def work():
        with deferred():
            for number, action in enumerate(actions):
                action()
                done.append(number)

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    if isinstance(caught.value.__context__, ZeroDivisionError):
        done.append("error")
    return done


def nothing():
    pass


def test_it_waits_for_the_end(capsys):
    assert interrupted(press, nothing) == [0, 1]
    assert "stopping after this step" in capsys.readouterr().err
    with deferred():  # nothing is left of it
        deliver()


def test_it_is_delivered_where_that_is_asked_for():
    assert interrupted(deliver, press, nothing, deliver, nothing) == [0, 1, 2]


def test_inner_contexts_leave_it_to_the_outer_one():
    def inner():
        with deferred():
            press()

    assert interrupted(inner, nothing) == [0, 1]


def test_the_second_is_at_once():
    assert interrupted(press, press, nothing) == [0]


def test_an_error_gives_way_to_it():
    assert interrupted(press, lambda: 1 / 0) == [0, "error"]


def test_the_handler_of_others_is_called():
    called = []
    signal.signal(signal.SIGINT, lambda number, frame: called.append(number))
    with deferred():
        press()
        assert not called
    assert called == [signal.SIGINT]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ignored_signals_stay_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with deferred():
        press()
        deliver()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_change_nothing():
    seen = []

    def work():
        with deferred():
            seen.append(signal.getsignal(signal.SIGINT))
            deliver()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
