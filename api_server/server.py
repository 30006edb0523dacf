"""Opens what the server works with, and serves until it is told to stop."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import FrameType

import uvicorn

from adapters.clock import SystemClock
from adapters.kube.client import KubeClient
from adapters.kube.credentials import management_cluster
from adapters.live_client import LiveClient
from adapters.repo_client import RepoClient
from adapters.store.kinds import EVENTS
from adapters.store.store import Store
from adapters.telemetry import new_registry, serve_metrics
from api_server.announcements import Announcements
from api_server.app import make_app
from api_server.audit import Audit
from api_server.auth.cluster_records import ClusterRecords
from api_server.auth.initial import ensure_credentials
from api_server.auth.passwords import Passwords
from api_server.auth.sessions import Sessions, project_lists_token
from api_server.auth.tokens import Claims
from api_server.connections import Connections
from api_server.deletions import Deletions
from api_server.http_limits import LIMITS, HttpLimits, bounded_protocol
from api_server.metrics import Metrics
from api_server.policy import Policy
from api_server.services import Services
from api_server.settings import Settings

DRAIN_SECONDS = 3  # of the five that a service has to end in


async def serve(settings: Settings) -> None:
    async with opened(settings) as services:

        def well() -> tuple[bool, str]:
            stale = next((str(each.error) for each in services.store.mirrors if each.error is not None), "")
            return not stale, stale

        metrics = serve_metrics(settings.metrics_port, services.metrics.registry, well, host=settings.metrics_host)
        server = http_server(settings, services)
        async with metrics, asyncio.TaskGroup() as tasks:
            loops = [
                tasks.create_task(_announcing(server, services)),
                tasks.create_task(services.audit.run()),
                tasks.create_task(services.deletions.follow(services.store.applications)),
            ]
            try:
                await server.serve()
            finally:
                for loop in loops:
                    loop.cancel()


async def _announcing(server: "HttpServer", services: Services) -> None:
    await server.listening.wait()  # what is pushed before is what has to be asked for
    await services.announcements.run()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    clock = SystemClock()
    async with (
        KubeClient.for_cluster(management_cluster(str(settings.kubeconfig or ""), settings.context)) as client,
        Store.open(client, settings.namespace, clock) as store,
        RepoClient.connect(settings.repo_server, settings.tls_dir) as repo,
        LiveClient.connect(settings.controller, settings.tls_dir) as live,
    ):
        passwords = Passwords()
        try:
            await ensure_credentials(store, passwords, clock)
            yield services_of(store, repo, live, passwords, namespace=settings.namespace, secure=settings.serves_tls)
        finally:
            passwords.close()


def services_of(
    store: Store, repo: RepoClient, live: LiveClient, passwords: Passwords, *, namespace: str, secure: bool = False
) -> Services:
    clock = SystemClock()
    records = ClusterRecords(store)

    def project_tokens(project: str, role: str, claims: Claims) -> bool:
        return project_lists_token(store.projects.raw(project), role, claims)

    return Services(
        store=store,
        records=records,
        sessions=Sessions(records, clock=clock, passwords=passwords, project_tokens=project_tokens),
        passwords=passwords,
        policy=Policy(store),
        repo=repo,
        live=live,
        connections=Connections(repo, clock),
        announcements=Announcements(live, clock),
        audit=Audit(partial(store.client.create, EVENTS), clock),
        metrics=Metrics(new_registry()),
        deletions=Deletions(),
        clock=clock,
        namespace=namespace,
        secure=secure,
    )


class HttpServer(uvicorn.Server):
    """Ends by SIGTERM or SIGINT: streams first, since they would hold up the rest, then what is being answered."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not handed on to uvicorn, which raises the signal again in the end: we still have to close the rest.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        asyncio.get_running_loop().call_soon_threadsafe(self._closing.set)


def http_server(settings: Settings, services: Services, limits: HttpLimits = LIMITS) -> HttpServer:
    config = uvicorn.Config(
        make_app(services, dashboard=settings.dashboard_dir, tls=settings.serves_tls),
        host=settings.host,
        port=settings.port,
        loop="none",  # there is one already
        http=bounded_protocol(limits),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=int(limits.idle_seconds),
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_certfile=settings.tls_cert_file,
        ssl_keyfile=settings.tls_key_file,
    )
    return HttpServer(config, services.closing)
