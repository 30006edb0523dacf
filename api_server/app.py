"""The API server as one ASGI app: routers, guards, error answers, and the dashboard behind them."""

import time
from collections.abc import Iterable
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_server import about, webhooks
from api_server.access import recognised
from api_server.accounts import routes as accounts
from api_server.applications import live, operations, sources, stream, topics
from api_server.applications import routes as applications
from api_server.appsets import routes as appsets
from api_server.clusters import routes as clusters
from api_server.compression import Compression
from api_server.errors import add_error_handlers
from api_server.guards import RawPaths, RequestGuard, SecurityHeaders
from api_server.metrics import VERSION, Metrics
from api_server.projects import routes as projects
from api_server.repositories import routes as repositories
from api_server.services import Services
from api_server.session import routes as session
from api_server.static import Dashboard
from api_server.strict_json import StrictJson
from gitops.model.errors import GitOpsError

ROUTERS = (
    session.router,
    accounts.router,
    # Before the routes with a name in the path, which would take `stream` for one.
    topics.router,
    stream.router,
    operations.router,
    live.router,
    sources.router,
    applications.router,
    appsets.router,
    projects.router,
    repositories.router,
    clusters.router,
    webhooks.router,
    about.router,
)


def make_app(services: Services, *, dashboard: Path | None = None, tls: bool = False) -> FastAPI:
    app = FastAPI(
        title="Tiphys",
        version=VERSION,
        description="GitOps continuous delivery for Kubernetes. Paths and JSON are Argo CD's.",
        docs_url=None,  # both would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    for router in ROUTERS:
        app.include_router(router)
    # FastAPI reads bodies before anything else: what nobody could store or answer must not get further.
    app.add_middleware(StrictJson)
    app.add_api_route("/swagger.json", _openapi, include_in_schema=False)
    add_error_handlers(app)
    if dashboard is not None:
        app.mount("/", Dashboard(dashboard))

    def own_origins() -> Iterable[str]:
        known = services.store.settings()
        return (known.url, *known.additional_urls)

    def is_known(scope: Scope) -> bool:
        try:
            return not recognised(Request(scope), services).is_anonymous
        except GitOpsError:
            return False

    # The last added is the outermost.
    app.add_middleware(Compression)
    app.add_middleware(Timing, metrics=services.metrics)
    app.add_middleware(RawPaths)
    app.add_middleware(RequestGuard, own_origins=own_origins, is_known=is_known)
    app.add_middleware(SecurityHeaders, tls=tls)
    return app


async def _openapi(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


class Timing:
    """Measures every answer under its route's pattern, so that names do not become labels."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/api/v1/stream"):
            return await self._app(scope, receive, send)
        started, status = time.perf_counter(), 500

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            return await self._app(scope, receive, send_noting)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            spent = time.perf_counter() - started
            self._metrics.requests.labels(scope["method"], route, str(status)).observe(spent)
