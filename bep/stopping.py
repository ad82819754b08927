"""How the command ends when it is asked to, by Ctrl-C (SIGINT), SIGTERM or SIGHUP."""

import atexit
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 1.0
"""Seconds after which a second signal ends the process at once; `timeout` sends each one twice."""


class Stopped(KeyboardInterrupt):
    """A signal asks the command to end; its number is the argument."""


def told(number):
    """What is said of it."""
    return f"bep: stopped by {signal.Signals(number).name}"


@contextmanager
def handled(handler):
    """The signals call ``handler`` in this block, unless they are ignored."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    try:
        for number, old in before.items():
            if old != signal.SIG_IGN:
                signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def stoppable():
    """A signal raises :class:`Stopped` in this block."""
    stopped = None

    def stop(number, _):
        nonlocal stopped
        if stopped is None:
            stopped = time.monotonic()
            raise Stopped(number)
        if time.monotonic() - stopped > PATIENCE:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def swallowed(given):
        """In a function that C calls, numba's compiler say, the exception ends: raise it after."""
        nonlocal stopped
        if isinstance(given.exc_value, Stopped):
            stopped = None
            threading.Timer(0.01, os.kill, (os.getpid(), given.exc_value.args[0])).start()
        else:
            before(given)

    before, sys.unraisablehook = sys.unraisablehook, swallowed
    try:
        with handled(stop):
            yield
    finally:
        sys.unraisablehook = before


def at_once():
    """A signal ends the process in this block, in which nothing is begun: modules are loaded.

    An exception could come up anywhere in them, and some would take it for another one.
    """
    return handled(_end)


def from_now_on():
    """A signal ends the process, save in the blocks of this module."""
    for number in NUMBERS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


@atexit.register  # before any other one, so it is called last
def _ignore():
    """A signal does nothing: all is done, and to Python, which ends, it would be the system's."""
    for number in NUMBERS:
        signal.signal(number, signal.SIG_IGN)


def _end(number, _):
    os.write(2, f"{told(number)}\n".encode())
    os._exit(128 + number)


@contextmanager
def held():
    """A signal comes after this block."""
    came = []
    try:
        with handled(lambda number, _: came.append(number)):
            yield
    finally:  # what it raised, the signal may have brought about
        if came:
            signal.raise_signal(came[0])
