"""Watching: applications as they change, and the tree of one."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.store.feed import ADDED, DELETED, MODIFIED, Changed, Feed
from api_server.access import CurrentUser, ReadableApp, Segment, Served, allowed_app, may, stays_allowed
from api_server.applications.selection import Selected, Selection
from api_server.auth.sessions import Subject
from api_server.fields import Fields
from api_server.services import Services
from api_server.streaming import Results, StreamResponse, Told, begun
from gitops.model.application import AppName
from gitops.model.errors import InvalidRequest
from gitops.model.resource import Manifest, resource_version_of

router = APIRouter(prefix="/api/v1/stream", tags=["streams"])

FieldsText = Annotated[str, Query(alias="fields", description="result.application.… or, with a leading -, all but")]


class Shape:
    """Which part of an application a client wants; the type of an event is always told."""

    def __init__(self, text: str) -> None:
        whole = Fields.parse(text)
        # Argo CD's dashboard begins each path with `result.`; without it the paths start beneath.
        self._fields = (whole.below("result") or whole).below("application") if whole else None

    def application(self, app: Manifest, encoded: bytes | None) -> bytes:
        if self._fields is None and encoded is not None:
            return encoded
        return msgspec.json.encode(self._fields.applied(app) if self._fields else app)


@router.get("/applications", summary="Changes of applications: newline JSON, or server-sent events")
async def stream_applications(
    request: Request,
    services: Served,
    user: CurrentUser,
    selected: Selected,
    resource_version: Annotated[str, Query(alias="resourceVersion")] = "",
    fields_text: FieldsText = "",
) -> Response:
    """Begins with every application the client cannot know yet: all, or what is newer than its list."""
    if selected.name:
        allowed_app(services, user, "get", selected.name, namespace=selected.namespace)
    since = version_asked(resource_version) if resource_version and not selected.name else 0
    results = bodies(application_events(services, user, selected, since, Shape(fields_text)))
    return _streamed(request, services, results, _still_known)


@router.get("/applications/{name}/resource-tree", summary="The tree, again whenever it changed")
async def stream_tree(request: Request, services: Served, name: Segment, asked: ReadableApp) -> Response:
    results = await begun(trees(services, asked.name))
    return _streamed(
        request,
        services,
        results,
        lambda now: allowed_app(services, now, "get", name, namespace=asked.name.namespace),
    )


def _streamed(
    request: Request, services: Services, results: Results, look: Callable[[Subject], object]
) -> StreamResponse:
    return StreamResponse(
        results,
        accept=request.headers.get("accept", ""),
        check=stays_allowed(request, services, look),
        closing=services.closing,
        counter=services.metrics.streams,
    )


async def application_events(
    services: Services, user: Subject, selected: Selection, since: int, shape: Shape
) -> AsyncGenerator[Told, None]:
    """Marked with resource versions: who has an event knows everything up to its version."""
    applications = services.store.applications
    sent: dict[AppName, int] = {}  # a digest of what the client has, to leave out what looks the same to it

    def shaped(kind: str, name: AppName, app: Manifest) -> Told | None:
        if not may(services, user, "get", app):
            return None
        # The mirror's bytes are of the newest version, the change may be of an older one.
        newest = kind != DELETED and applications.raw(name) is app
        body = shape.application(app, applications.encoded(name) if newest else None)
        digest = hash(body)
        if kind == MODIFIED and sent.get(name) == digest:
            return None
        sent[name] = digest
        if kind == DELETED:
            del sent[name]
        told = b'{"type":"' + kind.encode() + b'","application":' + body + b"}"
        return Told(told, "" if kind == DELETED else resource_version_of(app))

    with applications.changes(selected.wants) as feed:
        for kind, name, app in _present(services, selected, since):
            if (event := shaped(kind, name, app)) is not None:
                yield event
        async for kind, name, app in _changing(feed, services, selected):
            if (event := shaped(kind, name, app)) is not None:
                yield event


def _present(services: Services, selected: Selection, since: int) -> list[tuple[str, AppName, Manifest]]:
    """What a client that knows everything up to `since` has to be told first."""
    applications = services.store.applications
    here = [(name, app) for name in applications.names() if (app := applications.raw(name)) is not None]
    # The oldest first, so that a client that is cut off halfway can go on from what it has.
    wanted = sorted(((name, app) for name, app in here if selected.wants(app)), key=_age)
    if not since:
        return [(ADDED, name, app) for name, app in wanted]
    gone = [(DELETED, each.name, each.raw) for each in services.deletions.since(since) if selected.wants(each.raw)]
    return gone + [(MODIFIED, name, app) for name, app in wanted if _age((name, app)) > since]


def _age(named: tuple[AppName, Manifest]) -> int:
    version = resource_version_of(named[1])
    return int(version) if version.isdigit() else 0


async def _changing(
    feed: Feed, services: Services, selected: Selection
) -> AsyncGenerator[tuple[str, AppName, Manifest], None]:
    async for change in feed:
        if isinstance(change, Changed):
            yield change.kind, change.name, change.raw
        else:  # too much at once: everything again
            for told in _present(services, selected, 0):
                yield told


async def trees(services: Services, name: AppName) -> AsyncGenerator[bytes, None]:
    last = b""
    async for tree in services.live.watch_resource_tree(name):
        if tree != last:
            last = tree
            yield tree


async def bodies(events: AsyncGenerator[Told, None]) -> Results:
    async with aclosing(events):
        async for event in events:
            yield event.body


def _still_known(_: Subject) -> None:
    """The policy is asked anew for every event; in between, it is enough that the session holds."""


def version_asked(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise InvalidRequest("query parameter resourceVersion: the number that a list came with is expected")
    return int(text)
