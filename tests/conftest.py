"""Programs that the tests start react to Ctrl-C, however the tests were started; and which tests
only `make test-long` runs."""

import re
import signal
from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also the tests in tests/long.txt")


def pytest_configure():
    # Background jobs of a shell ignore SIGINT, and their children inherit that.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def patterns():
    """Names in tests/long.txt and, for each, a compiled pattern."""
    lines = Path(__file__).with_name("long.txt").read_text(encoding="utf-8").splitlines()
    return {line: re.compile(re.escape(line).replace(r"\*", ".*"))
            for line in lines if line and not line.startswith("#")}


def pytest_collection_modifyitems(config, items):
    if config.args != config.getini("testpaths"):
        return  # who names tests gets them
    found = patterns()
    long = [item for item in items
            if any(pattern.fullmatch(item.nodeid) for pattern in found.values())]
    unknown = [name for name, pattern in found.items()
               if not any(pattern.fullmatch(item.nodeid) for item in long)]
    if unknown:
        raise pytest.UsageError(f"tests/long.txt names no test: {', '.join(unknown)}")
    if not config.getoption("--long"):
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in set(long)]
