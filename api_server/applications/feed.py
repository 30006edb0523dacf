"""Changes of applications, given out to everyone who watches them.

A watcher that reads slowly is never queued for: it holds at most one event per application, the newest,
and the bytes of an event are shared by all watchers.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from api_server.fields import Fields
from gitops.model.application import AppName

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"
DELETIONS_KEPT = 512  # for watchers that begin at an older resourceVersion


class AppEvent:
    """One change of one application: its type, and the object as JSON."""

    __slots__ = ("_shaped", "encoded", "manifest", "name", "type")

    def __init__(self, type: str, name: AppName, manifest: Any, encoded: bytes) -> None:
        self.type = type
        self.name = name
        self.manifest = manifest
        self.encoded = encoded
        self._shaped: dict[str, bytes] = {}

    def retyped(self, type: str) -> "AppEvent":
        return self if type == self.type else AppEvent(type, self.name, self.manifest, self.encoded)

    @property
    def version(self) -> int:
        return version_number(self.manifest)

    def application(self, fields_text: str, fields: Fields | None) -> bytes:
        """The application's JSON, cut down to the fields asked for; made once, however many ask."""
        if fields is None:
            return self.encoded
        shaped = self._shaped.get(fields_text)
        if shaped is None:
            if len(self._shaped) > 8:
                self._shaped.clear()
            shaped = self._shaped[fields_text] = msgspec.json.encode(fields.applied(self.manifest))
        return shaped


def version_number(manifest: Any) -> int:
    text = str((manifest.get("metadata") or {}).get("resourceVersion") or "0")
    return int(text) if text.isdigit() else 0


class Watcher:
    """What one client has yet to read: at most one event per application."""

    def __init__(self, wanted: Callable[[AppEvent], bool]) -> None:
        self._wanted = wanted
        self._pending: OrderedDict[AppName, AppEvent] = OrderedDict()
        self._wake = asyncio.Event()

    def offer(self, event: AppEvent) -> None:
        if not self._wanted(event):
            return
        earlier = self._pending.get(event.name)
        # What was never seen is new, even if it has changed since.
        unseen = earlier is not None and earlier.type == ADDED and event.type == MODIFIED
        self._pending[event.name] = event.retyped(ADDED) if unseen else event
        self._wake.set()

    @property
    def pending(self) -> int:
        return len(self._pending)

    def __aiter__(self) -> "Watcher":
        return self

    async def __anext__(self) -> AppEvent:
        while not self._pending:
            self._wake.clear()
            await self._wake.wait()
        return self._pending.popitem(last=False)[1]


class AppFeed:
    """The one reader of the store's changes; everybody else watches it."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._deletions: deque[AppEvent] = deque(maxlen=DELETIONS_KEPT)

    async def run(self, events: AsyncIterator[AppEvent]) -> None:
        """Gives out events until there are no more, or until cancelled."""
        async for event in events:
            self.publish(event)

    def publish(self, event: AppEvent) -> None:
        if event.type == DELETED:
            self._deletions.append(event)
        for watcher in self._watchers:
            watcher.offer(event)

    def deletions_since(self, version: int) -> list[AppEvent]:
        return [event for event in self._deletions if event.version > version]

    @contextmanager
    def watched(self, wanted: Callable[[AppEvent], bool]) -> Iterator[Watcher]:
        watcher = Watcher(wanted)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
