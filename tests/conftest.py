"""Programs that the tests start react to Ctrl-C, however the tests were started."""

import signal


def pytest_configure():
    # Background jobs of a shell ignore SIGINT, and their children inherit that.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
