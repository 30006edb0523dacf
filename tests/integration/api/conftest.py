"""The real API server on loopback: real store and cluster, real repo server, a controller that obeys."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from adapters.clock import SystemClock
from adapters.kube.client import KubeClient
from adapters.kube.credentials import cluster_from_kubeconfig
from adapters.live_client import LiveClient
from adapters.repo_client import RepoClient
from adapters.store.store import Store
from api_server.auth.initial import ensure_credentials
from api_server.auth.passwords import Passwords
from api_server.server import services_of
from api_server.settings import Settings
from tests.fixtures.control_plane import ControlPlane
from tests.fixtures.services import GitRepo
from tests.integration.api.api_world import Http, World, set_up
from tests.integration.api.controller import ControllerInMemory, serving
from tests.integration.repo.serving import ServerProcess
from tiphys.local import pki
from tiphys.local.ports import free_ports


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "integration/api" in str(item.path):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    pki.ensure(folder, SystemClock().now())
    return folder


@pytest.fixture(scope="session")
def repo_process(tmp_path_factory: pytest.TempPathFactory, tools_dir: Path, tls: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("repo-server"), tools_dir, tls)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def dashboard(tmp_path: Path) -> Path:
    """The pages that are served; the tests of the dashboard put the real ones here."""
    pages = tmp_path / "dashboard"
    (pages / "assets").mkdir(parents=True)
    (pages / "index.html").write_text("<!doctype html><title>Tiphys</title>")
    (pages / "assets" / "index-BX3k9fQz.js").write_text("export {}")
    (tmp_path / "outside.txt").write_text("not for the world")
    (pages / "link.txt").symlink_to(tmp_path / "outside.txt")
    return pages


@pytest.fixture
async def world(
    control_plane: ControlPlane, fresh_namespace: str, repo_process: ServerProcess, tls: Path, dashboard: Path
) -> AsyncIterator[World]:
    controller, clock = ControllerInMemory(), SystemClock()
    (port,) = free_ports(1)
    settings = Settings(namespace=fresh_namespace, tls_dir=tls / "api_server", port=port, dashboard_dir=dashboard)  # type: ignore[call-arg]
    async with (
        KubeClient.for_cluster(cluster_from_kubeconfig(control_plane.kubeconfig)) as client,
        serving(controller, tls) as controller_address,
        RepoClient.connect(repo_process.address, settings.tls_dir) as repo,
        LiveClient.connect(controller_address, settings.tls_dir) as live,
    ):
        await set_up(client, fresh_namespace)
        passwords = Passwords()
        async with Store.open(client, fresh_namespace, clock) as store:
            await ensure_credentials(store, passwords, clock)
            services = services_of(store, repo, live, passwords, namespace=fresh_namespace)
            async with asyncio.TaskGroup() as tasks:
                loops = [tasks.create_task(services.audit.run())]
                loops.append(tasks.create_task(services.deletions.follow(store.applications)))
                http = Http(settings, services, tasks)
                await http.start()
                made = World(services, controller, f"http://127.0.0.1:{port}", fresh_namespace, {}, http)
                yield made
                for each in made.clients.values():
                    await each.aclose()
                await http.stop()
                for loop in loops:
                    loop.cancel()
        passwords.close()
    # A watch that is cut leaves its TLS connection to say goodbye by itself.
    await asyncio.sleep(0.1)


@pytest.fixture
def a_repo(git_repo: Callable[..., GitRepo]) -> GitRepo:
    """A repository with one ConfigMap in `app`, and a broken manifest in `broken`."""
    repo = git_repo("services")
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: blue\n"
    secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: keys\nstringData:\n  password: hunter2hunter2\n"
    repo.commit(
        {
            "app/config.yaml": manifest,
            "app/secret.yaml": secret,
            "broken/bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: [unclosed\n",
        }
    )
    return repo
