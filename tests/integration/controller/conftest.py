"""The real controller in this process: a real cluster that is both home and target, a real repo server."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from adapters.clock import SystemClock
from tests.fixtures.control_plane import ControlPlane
from tests.fixtures.services import GitRepo
from tests.integration.controller.controller_world import World, opened_world
from tests.integration.repo.serving import ServerProcess
from tiphys.local import pki


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/controller" in str(item.path):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("controller-pki")
    pki.ensure(folder, SystemClock().now())
    return folder


@pytest.fixture(scope="session")
def repo_process(tmp_path_factory: pytest.TempPathFactory, tools_dir: Path, tls: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("controller-repo"), tools_dir, tls)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def world(
    control_plane: ControlPlane,
    fresh_namespace: str,
    repo_process: ServerProcess,
    tls: Path,
    git_repo: Callable[..., GitRepo],
) -> AsyncIterator[World]:
    """A controller at work on an empty namespace, and a repository with nothing in it."""
    async with opened_world(control_plane, fresh_namespace, repo_process.address, tls, git_repo("shop")) as made:
        await made.start()
        yield made
