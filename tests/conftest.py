"""Fixtures for all tests; see the modules of tests/fixtures."""

import gc
import warnings
from collections.abc import Generator

import pytest

pytest_plugins = [
    "tests.fixtures.session",
    "tests.fixtures.control_plane",
    "tests.fixtures.services",
    "tests.fixtures.browser",
]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """What is left of connections to a server that was frozen or killed is collected with the test that did it.

    asyncio (3.11) leaves the socket open when a TLS connection is given up in the moment it is made; the warning would
    fail whichever test the collector happens to run in.
    """
    yield
    if {"api_server", "freezable"} & set(getattr(item, "fixturenames", ())):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
