"""Whatever starts the tests: Ctrl-C is not ignored by the programs that they start."""

import signal


def pytest_configure():
    # A shell's background jobs ignore SIGINT, and what they start inherits that.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
