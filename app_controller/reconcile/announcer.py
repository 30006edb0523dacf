"""Kubernetes Events about Applications, written beside the work: nothing waits for them, nothing fails by them."""

import asyncio
from collections import deque
from typing import Protocol

import structlog

from adapters.store.store import Store
from gitops.model.application import Application
from gitops.model.errors import GitOpsError

log = structlog.get_logger()

WAITING = 1_000  # beyond that the oldest are let go: what is true now stands in the Application itself


class Tell(Protocol):
    def __call__(self, app: Application, reason: str, message: str, type: str = "Normal") -> None: ...


class Announcer:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[tuple[Application, str, str, str]] = deque(maxlen=WAITING)
        self._wake = asyncio.Event()

    def tell(self, app: Application, reason: str, message: str, type: str = "Normal") -> None:
        """Reasons are Argo CD's, see `adapters.store.events`; `type` is Normal or Warning."""
        self._waiting.append((app, reason, message, type))
        self._wake.set()

    async def serve(self) -> None:
        """Writes them one after the other; runs until cancelled."""
        while True:
            while self._waiting:
                await self._written(*self._waiting.popleft())
            self._wake.clear()
            await self._wake.wait()

    async def _written(self, app: Application, reason: str, message: str, type: str) -> None:
        try:
            await self._store.emit_event(app, reason, message, type)
        except GitOpsError as error:
            log.info("event not written", application=str(app.key), event=reason, error=str(error))
