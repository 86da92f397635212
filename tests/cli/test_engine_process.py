"""While the engine starts, whatever starts it may not take our signal handlers away for good."""

import ctypes
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.engine_process import _keeping_signals

#: C's SIG_IGN.
IGNORE = 1


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def is_ignored(number: int) -> bool:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("SigIgn"))
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


def wait_until_heard(number: int) -> None:
    deadline = time.monotonic() + 30
    while is_ignored(number):
        if time.monotonic() > deadline:
            raise TimeoutError("our handler was not put back")


def test_a_handler_that_the_start_puts_in_place_below_python_is_taken_out_again(
    ended: threading.Event,
) -> None:
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))

    def start() -> None:
        ctypes.CDLL(None).signal(int(signal.SIGTERM), ctypes.c_void_p(IGNORE))
        wait_until_heard(signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    _keeping_signals(start, lambda: None, ended)
    assert heard == [signal.SIGTERM]


def test_ctrl_c_waits_for_the_start_and_stops_what_it_has_started(ended: threading.Event) -> None:
    order: list[str] = []
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def start() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        order.append("started")

    with pytest.raises(KeyboardInterrupt):
        _keeping_signals(start, lambda: order.append("stopped"), ended)
    assert order == ["started", "stopped"]


def test_what_the_start_raises_is_raised_here(ended: threading.Event) -> None:
    def start() -> None:
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"):
        _keeping_signals(start, lambda: None, ended)


def test_the_thread_that_started_lasts_as_long_as_the_engine(ended: threading.Event) -> None:
    threads: list[threading.Thread] = []

    _keeping_signals(lambda: threads.append(threading.current_thread()), lambda: None, ended)
    assert threads[0].is_alive(), "the kernel ends with a thread what it has started"
    ended.set()
    threads[0].join(30)
    assert not threads[0].is_alive()
