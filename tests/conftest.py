"""Fixtures for all tests; see the modules of tests/fixtures."""

pytest_plugins = [
    "tests.fixtures.session",
    "tests.fixtures.control_plane",
    "tests.fixtures.services",
    "tests.fixtures.browser",
]
