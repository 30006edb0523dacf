"""The objects of one kind as an endless stream: a full list first, then every change.

The stream survives what happens to API servers: ended watches, compaction (410), restarts, and a
server or connection that goes silent without closing. What it cannot hide it says: `Broken` when
the view stops being current, `Resumed` or a new `Synced` when it is current again.
"""

import random
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson

from adapters.clock import Clock
from adapters.kube import requests
from adapters.kube.client import KubeClient
from adapters.kube.transport import Stream
from gitops.model.errors import ClusterRefused, ClusterUnreachable, GitOpsError
from gitops.model.resource import ResourceType

Transform = Callable[[dict[str, Any]], dict[str, Any]]

# A server from which nothing at all was heard for this long is asked whether it is still there.
QUIET_SECONDS = 5.0
# Bookmarks come about once a minute: a watch without a word for longer is opened anew, from where it was.
SILENCE_SECONDS = 100.0
_LASTING_SECONDS = (240, 420)
_LONG_ENOUGH = timedelta(seconds=1)
_FIRST_PAUSE = timedelta(milliseconds=200)
_LONGEST_PAUSE = timedelta(seconds=10)


class Synced(msgspec.Struct, frozen=True):
    """The whole truth: what is not in `items` does not exist (any more)."""

    items: list[dict[str, Any]]
    resource_version: str


class Upsert(msgspec.Struct, frozen=True):
    """Created or changed."""

    manifest: dict[str, Any]


class Gone(msgspec.Struct, frozen=True):
    """Deleted; the object as it was last."""

    manifest: dict[str, Any]


class Broken(msgspec.Struct, frozen=True):
    """The view may be out of date since `since`; told again for every failed try."""

    error: GitOpsError
    since: datetime


class Resumed(msgspec.Struct, frozen=True):
    """Current again, with nothing missed: the changes meanwhile follow as ordinary events."""


WatchEvent = Synced | Upsert | Gone | Broken | Resumed


class _Expired(Exception):
    """The server no longer knows the version we want to go on from."""


async def watch(
    client: KubeClient,
    type: ResourceType,
    *,
    namespace: str = "",
    label_selector: str = "",
    metadata_only: bool = False,
    clock: Clock,
    transform: Transform | None = None,
) -> AsyncGenerator[WatchEvent, None]:
    """Never ends by itself. Close it (`contextlib.aclosing`) to end the connection at once."""
    scope = Scope(client, type, namespace, label_selector, metadata_only, transform or _unchanged)
    backoff = Backoff()
    broken_since: datetime | None = None
    version = ""
    while True:
        opened_at: datetime | None = None
        try:
            if not version:
                items, version = await scope.listed()
                broken_since = None
                yield Synced(items, version)
            async with client.transport.stream(scope.request_from(version)) as stream:
                opened_at = clock.now()
                if broken_since is not None:
                    broken_since = None
                    yield Resumed()
                reader = LineReader(client, stream, scope.subject)
                while (lines := await reader.lines()) is not None:
                    for line in lines:
                        version, event = scope.read_line(line, version)
                        if event is not None:
                            yield event
        except _Expired:
            version = ""
        except GitOpsError as error:
            if isinstance(error, ClusterRefused) and error.status == 410:
                version = ""
            else:
                broken_since = broken_since or clock.now()
                yield Broken(error, broken_since)
        if opened_at is not None and clock.now() - opened_at >= _LONG_ENOUGH:
            backoff.reset()
            if broken_since is None:
                continue  # an ordinary end: go on at once
        await clock.sleep(backoff.next_pause())


class Backoff:
    """Pauses that grow, spread so that many watches do not come back in one instant."""

    def __init__(self) -> None:
        self._pause = _FIRST_PAUSE

    def reset(self) -> None:
        self._pause = _FIRST_PAUSE

    def next_pause(self) -> timedelta:
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        return pause * random.uniform(0.7, 1.3)  # noqa: S311 (spreads load, hides nothing)


class Scope(msgspec.Struct, frozen=True):
    """What one watch looks at, and how its lines are read."""

    client: KubeClient
    type: ResourceType
    namespace: str
    label_selector: str
    metadata_only: bool
    transform: Transform

    @property
    def subject(self) -> str:
        return f"watch {self.type.kind} {self.namespace}".rstrip()

    async def listed(self) -> tuple[list[dict[str, Any]], str]:
        items, version = await self.client.list(
            self.type,
            namespace=self.namespace,
            label_selector=self.label_selector,
            metadata_only=self.metadata_only,
        )
        return [self.transform(item) for item in items], version

    def request_from(self, version: str) -> requests.Request:
        return requests.watch_from(
            self.type,
            version,
            namespace=self.namespace,
            label_selector=self.label_selector,
            metadata_only=self.metadata_only,
            lasting=random.randint(*_LASTING_SECONDS),  # noqa: S311 (spreads load, hides nothing)
        )

    def read_line(self, line: bytes, version: str) -> tuple[str, WatchEvent | None]:
        try:
            entry = orjson.loads(line)
            kind, manifest = entry["type"], entry["object"]
            metadata = manifest.get("metadata") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ClusterUnreachable(f"{self.subject}: the API server sent a line that is no event") from error
        if kind == "ERROR":
            raise self._failure(manifest)
        version = metadata.get("resourceVersion") or version
        if kind == "BOOKMARK":
            return version, None
        if self.metadata_only:
            manifest["apiVersion"] = f"{self.type.group}/{self.type.version}" if self.type.group else self.type.version
            manifest["kind"] = self.type.kind
        manifest = self.transform(manifest)
        return version, Gone(manifest) if kind == "DELETED" else Upsert(manifest)

    def _failure(self, status: dict[str, Any]) -> Exception:
        code = int(status.get("code") or 0)
        if code == 410 or status.get("reason") in {"Expired", "Gone"}:
            return _Expired()
        message = str(status.get("message") or "the API server ended the watch with an error")
        return ClusterRefused(
            f"watch {self.type.kind}: {message}", status=code, api_reason=str(status.get("reason") or "")
        )


class LineReader:
    """Cuts a watch stream into lines, and notices a server or a connection that has gone silent."""

    def __init__(self, client: KubeClient, stream: Stream, subject: str) -> None:
        self._client = client
        self._stream = stream
        self._subject = subject
        self._pending: list[bytes] = []
        self._silent = 0.0

    async def lines(self) -> list[bytes] | None:
        """The next complete lines (maybe none yet); None when the watch is over and should be opened anew."""
        data = await self._stream.read(QUIET_SECONDS)
        if data:
            self._silent = 0.0
            return complete_lines(self._pending, data)
        if data is not None:
            return None
        self._silent += QUIET_SECONDS
        if not await self._client.is_alive(QUIET_SECONDS):
            raise ClusterUnreachable(f"{self._subject}: the API server has gone silent")
        return [] if self._silent < SILENCE_SECONDS else None


def complete_lines(pending: list[bytes], data: bytes) -> list[bytes]:
    """The lines that `data` completes; what is left stays in `pending`. Objects may span many reads."""
    if b"\n" not in data:
        pending.append(data)
        return []
    head, *lines = data.split(b"\n")
    head = b"".join((*pending, head))
    rest = lines.pop()
    pending[:] = [rest] if rest else []
    return [line for line in (head, *lines) if line]


def _unchanged(manifest: dict[str, Any]) -> dict[str, Any]:
    return manifest
