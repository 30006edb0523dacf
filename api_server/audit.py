"""Who did what: one line in the audit log for every write, and a Kubernetes Event where an object tells its story."""

import asyncio
import traceback
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from adapters.clock import Clock
from api_server.auth.sessions import Subject
from gitops.model.errors import GitOpsError
from gitops.model.moments import rfc3339
from gitops.model.resource import Manifest, name_of, namespace_of, resource_version_of, uid_of

log = structlog.get_logger("audit")
PENDING = 1_000

Post = Callable[[Manifest], Awaitable[Any]]  # creates an Event in the management cluster


class EventReason:
    OPERATION_STARTED = "OperationStarted"
    RESOURCE_CREATED = "ResourceCreated"
    RESOURCE_UPDATED = "ResourceUpdated"
    RESOURCE_DELETED = "ResourceDeleted"


class Audit:
    """Events are posted behind the request's back: a slow API server delays nobody."""

    def __init__(self, post: Post, clock: Clock) -> None:
        self._post = post
        self._clock = clock
        self._events: asyncio.Queue[Manifest] = asyncio.Queue(PENDING)

    def record(self, who: Subject, action: str, on: str, *, result: str = "ok", **details: str) -> None:
        """`details` hold names and revisions only, never a value that could be secret."""
        session = who.claims.token_id if who.claims else ""
        log.info("audit", who=who.name or "anonymous", session=session, action=action, on=on, result=result, **details)

    def tell(self, who: Subject, about: Manifest, reason: str, message: str) -> None:
        """An Event on the object itself."""
        event = an_event(about, reason, f"{who.name or 'Unknown user'} {message}", at=rfc3339(self._clock.now()))
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            log.warning("an event was dropped: too many wait", reason=reason, on=name_of(about))

    async def run(self) -> None:
        """Posts events until cancelled."""
        while True:
            event = await self._events.get()
            try:
                await self._post(event)
            except GitOpsError as error:
                log.warning("an event could not be posted", reason=event["reason"], error=str(error))
            except Exception:  # whatever telling comes to, the next one is told
                log.error("an event could not be posted", reason=event["reason"], trace=traceback.format_exc())


def an_event(about: Manifest, reason: str, message: str, *, at: str) -> dict[str, Any]:
    """A core/v1 Event as kubectl and the dashboard show it."""
    name, namespace = name_of(about), namespace_of(about)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name[:200]}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": str(about.get("apiVersion") or "argoproj.io/v1alpha1"),
            "kind": str(about.get("kind") or "Application"),
            "name": name,
            "namespace": namespace,
            "uid": uid_of(about),
            "resourceVersion": resource_version_of(about),
        },
        "reason": reason,
        "message": message[:1024],
        "type": "Normal",
        "count": 1,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "source": {"component": "argocd-server"},
        "reportingComponent": "argocd-server",
        "reportingInstance": "tiphys",
    }
