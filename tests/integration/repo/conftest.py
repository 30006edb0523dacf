"""A real repo server process over mutual TLS."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.clock import SystemClock
from adapters.repo_client import RepoClient
from tests.fixtures.services import GitRepo
from tests.integration.repo.serving import Asker, ServerProcess
from tiphys.local import pki


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    pki.ensure(folder, SystemClock().now())
    return folder


@pytest.fixture
def repo_server(tmp_path: Path, tools_dir: Path, tls: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts repo servers: `repo_server(REPO_SERVER_WORKERS="1")`."""
    started: list[ServerProcess] = []

    def start(command: Sequence[str] | None = None, **settings: str) -> ServerProcess:
        folder = tmp_path / f"repo-server-{len(started)}"
        folder.mkdir()
        server = ServerProcess(folder, tools_dir, tls, command, **settings)
        server.start()
        started.append(server)
        return server

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="session")
def shared_repo_server(tmp_path_factory: pytest.TempPathFactory, tools_dir: Path, tls: Path) -> Iterator[ServerProcess]:
    """For tests that need nothing but a repo server: one per session and worker."""
    server = ServerProcess(tmp_path_factory.mktemp("repo-server"), tools_dir, tls)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def ask(
    request: pytest.FixtureRequest, repo_server: Callable[..., ServerProcess], git_repo: Callable[..., GitRepo]
) -> AsyncIterator[Callable[..., Any]]:
    """`await ask()`: an asker with a repository of its own; with settings, with a server of its own too."""
    opened: list[Any] = []

    async def open_asker(**settings: str) -> Asker:
        server = repo_server(**settings) if settings else request.getfixturevalue("shared_repo_server")
        connection = RepoClient.connect(server.address, server.tls / "app_controller")
        opened.append(connection)
        name = f"repo-{len(opened)}" if len(opened) > 1 else "repo"
        return Asker(await connection.__aenter__(), server, git_repo(name))

    yield open_asker
    for each in opened:
        await each.__aexit__(None, None, None)
