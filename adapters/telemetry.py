"""Logs, metrics and the health page, set up once per service.

A log line never holds a credential: values under telling keys are blanked, and so is whatever looks
like a bearer token or a password in an address, wherever it stands.
"""

import logging
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from adapters import log_lines

Health = Callable[[], tuple[bool, str]]

_BLANK = "…"
_TELLING_KEYS = re.compile(r"pass(word|wd|phrase)|secret|token|authorization|credential|private.?key|cookie", re.I)
_TELLING_TEXTS = (
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.I), rf"\1 {_BLANK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), _BLANK),
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), rf"\1:{_BLANK}@"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.S), _BLANK),
)


def set_up_logging(level: str = "info", format: str = "json") -> None:
    """Logs of ours and of libraries go to stderr: one JSON object a line, or text for people."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        log_lines.bounded,
        without_secrets,
        log_lines.shortened,
        *([] if format == "json" else [log_lines.on_one_line]),
    ]
    text = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    renderer = structlog.processors.JSONRenderer() if format == "json" else text
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=log_lines.unfailing(structlog.make_filtering_bound_logger(threshold)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries tell too much at info; their warnings are worth reading.
    root.setLevel(max(threshold, logging.WARNING))


def without_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: _BLANK if _TELLING_KEYS.search(key) else scrubbed(value) for key, value in event.items()}


def scrubbed(value: Any) -> Any:
    """The value with every credential in it blanked."""
    if isinstance(value, str):
        for pattern, blank in _TELLING_TEXTS:
            value = pattern.sub(blank, value)
        return value
    if isinstance(value, Mapping):
        return {key: _BLANK if _TELLING_KEYS.search(str(key)) else scrubbed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [scrubbed(inner) for inner in value]
    if isinstance(value, BaseException):
        return scrubbed(f"{type(value).__name__}: {value}")
    return value


def new_registry() -> CollectorRegistry:
    """A registry that already tells of the process itself: memory, CPU, open files, garbage collection."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


@asynccontextmanager
async def serve_metrics(
    port: int, registry: CollectorRegistry, health: Health, *, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """Serve /metrics and /healthz while the block runs; yields the port (asked for as 0: a free one)."""

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_request: web.Request) -> web.Response:
        well, message = health()
        return web.Response(text=f"{message or 'ok'}\n", status=200 if well else 503)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
