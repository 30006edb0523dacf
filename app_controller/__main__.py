"""The controller as a process: settings, adapters, loops, and a clean end on SIGTERM."""

import asyncio
import signal

import grpc
import structlog
import uvloop

from adapters.clock import SystemClock
from adapters.kube.client import KubeClient
from adapters.kube.credentials import management_cluster
from adapters.repo_client import RepoClient
from adapters.rpc_access import CallerInterceptor
from adapters.rpc_errors import ErrorInterceptor
from adapters.store.store import Store
from adapters.telemetry import new_registry, serve_metrics, set_up_logging
from adapters.tls import SERVER_OPTIONS, server_credentials
from app_controller.controller import Controller
from app_controller.live_service import LiveService, add_to_server
from app_controller.settings import Settings

log = structlog.get_logger()


async def main() -> None:
    settings = Settings()  # type: ignore[call-arg]  # from the environment, read here, once
    set_up_logging(settings.log_level, settings.log_format)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = asyncio.ensure_future(serve(settings))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    serving.cancel()
    await asyncio.wait({serving}, timeout=4)
    if serving.done() and not serving.cancelled() and (error := serving.exception()):
        raise error


async def serve(settings: Settings) -> None:
    clock = SystemClock()
    registry = new_registry()
    async with (
        KubeClient.for_cluster(management_cluster(str(settings.kubeconfig or ""), settings.context)) as kube,
        Store.open(kube, settings.namespace, clock) as store,
        RepoClient.connect(settings.repo_server, settings.tls_dir) as repo,
    ):
        controller = Controller(settings, store, repo, clock, registry)
        server = live_server(settings, controller, store)
        async with serve_metrics(settings.metrics_port, registry, lambda: (True, ""), host=settings.metrics_host):
            await server.start()
            log.info("controller started", listen=settings.listen, namespace=settings.namespace)
            try:
                await controller.serve()
            finally:
                await server.stop(grace=1)


def live_server(settings: Settings, controller: Controller, store: Store) -> grpc.aio.Server:
    server = grpc.aio.server(
        interceptors=[CallerInterceptor(), ErrorInterceptor()],
        options=SERVER_OPTIONS,
    )
    service = LiveService(store, controller.clusters, controller.views, controller.revisions)
    add_to_server(service, server)
    server.add_secure_port(settings.listen, server_credentials(settings.tls_dir))
    return server


if __name__ == "__main__":
    uvloop.run(main())
