"""The repo server as a process: settings, adapters, service, and a clean end on SIGTERM."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# gRPC looks at these when it is first imported: workers are started by exec, so it need not follow forks.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
import structlog

from adapters.clock import SystemClock
from adapters.redis_cache import RedisCache, TypedCache
from adapters.rpc_access import CallerInterceptor
from adapters.rpc_errors import ErrorInterceptor
from adapters.telemetry import new_registry, serve_metrics, set_up_logging
from adapters.tls import SERVER_OPTIONS, server_credentials
from repo_server.failures import FailureMemory, Failures
from repo_server.manifest_cache import SCHEMA, ManifestCache, Manifests
from repo_server.metrics import Metrics
from repo_server.pipeline import Pipeline
from repo_server.reading import Reading, ReadingLimits
from repo_server.sandbox import NotConfined, WorkerPool
from repo_server.service import RepoService, add_to_server
from repo_server.settings import Settings
from repo_server.sources.git import GitLimits
from repo_server.sources.mirrors import Mirrors
from repo_server.tools import tool_versions
from repo_server.worker import MEBIBYTE, Limits

log = structlog.get_logger()

_GRACE = 2.0  # seconds for calls under way at SIGTERM


async def main() -> None:
    settings = Settings()  # type: ignore[call-arg]  # from the environment, read here, once
    set_up_logging(settings.log_level, settings.log_format)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with opened_pipeline(settings) as (pipeline, pool):
        server = rpc_server(settings, pipeline)

        def health() -> tuple[bool, str]:
            well, message = pipeline.health()
            return well, f"{message or 'ok'}\nconfinement of renders: {pool.report.told()}"

        port, registry = settings.metrics_port, pipeline.metrics.registry
        async with serve_metrics(port, registry, health, host=settings.metrics_host):
            await server.start()
            log.info("repo server started", listen=settings.listen)
            await stop.wait()
            await server.stop(_GRACE)


@asynccontextmanager
async def opened_pipeline(settings: Settings) -> AsyncIterator[tuple[Pipeline, WorkerPool]]:
    metrics = Metrics(new_registry())
    mirrors = Mirrors(
        settings.state_dir / "mirrors",
        local_allowed=settings.allow_local_urls,
        limits=GitLimits(
            refs_age=settings.refs_max_age,
            refs_timeout=settings.refs_timeout,
            fetch_timeout=settings.fetch_timeout,
            lifetime=settings.mirror_lifetime,
        ),
        clock=SystemClock(),
        metrics=metrics,
        processes=settings.git_processes,
        search_path=settings.search_path,
    )
    mirrors.prepare()
    limits = Limits(
        workers=settings.workers,
        slow=settings.slow_renders,
        slow_after=settings.slow_render_after,
        time=settings.render_timeout,
        memory=settings.render_memory_mb * MEBIBYTE,
        output=settings.render_output_mb * MEBIBYTE,
        idle=settings.worker_idle,
    )
    pool = WorkerPool(
        settings.state_dir.resolve() / "scratch",
        settings.tools_dir,
        limits=limits,
        metrics=metrics,
        required=settings.confinement == "required",
    )
    tools = await tool_versions(settings.tools_dir)
    async with pool.running(), mirrors.running(), opened_shelf(settings, metrics) as shelf:
        cache = ManifestCache(shelf, memory_limit=settings.cache_memory_mb * MEBIBYTE)
        reading = Reading(ReadingLimits(time=settings.read_timeout))
        failures = Failures(FailureMemory(timeout=settings.timeout_memory, longest=settings.timeout_memory_max))
        yield Pipeline(mirrors, cache, pool, tools=tools, metrics=metrics, reading=reading, failures=failures), pool


@asynccontextmanager
async def opened_shelf(settings: Settings, metrics: Metrics) -> AsyncIterator[TypedCache[Manifests] | None]:
    url = settings.redis_url.get_secret_value()
    if not url or settings.cache_key_file is None:
        log.info("no cache configured: set TIPHYS_REDIS_URL and TIPHYS_CACHE_KEY_FILE to keep renders")
        yield None
        return
    secret = settings.cache_key_file.read_bytes().strip()
    async with RedisCache.connect(url, secret, observe=metrics.redis_request) as redis:
        yield TypedCache(redis, "manifests", SCHEMA, Manifests, lifetime=settings.cache_lifetime)


def rpc_server(settings: Settings, pipeline: Pipeline) -> grpc.aio.Server:
    server = grpc.aio.server(interceptors=[CallerInterceptor(), ErrorInterceptor()], options=SERVER_OPTIONS)
    add_to_server(RepoService(pipeline), server)
    server.add_secure_port(settings.listen, server_credentials(settings.tls_dir))
    return server


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except NotConfined as error:
        sys.exit(f"repo server not started: {error}")
