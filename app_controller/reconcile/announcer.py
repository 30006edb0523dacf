"""Kubernetes Events about Applications, written beside the work: nothing waits for them, nothing fails by them."""

import asyncio
import traceback
from collections import deque
from datetime import datetime
from typing import NamedTuple, Protocol

import structlog

from adapters.clock import Clock
from adapters.store.store import Store
from gitops.model.application import Application
from gitops.model.errors import GitOpsError

log = structlog.get_logger()

WAITING = 1_000  # beyond that the oldest are let go: what is true now stands in the Application itself


class Tell(Protocol):
    def __call__(self, app: Application, reason: str, message: str, type: str = "Normal") -> None: ...


class _Told(NamedTuple):
    app: Application
    reason: str
    message: str
    type: str
    at: datetime  # when it happened, however late it is written


class Announcer:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: deque[_Told] = deque(maxlen=WAITING)
        self._wake = asyncio.Event()

    def tell(self, app: Application, reason: str, message: str, type: str = "Normal") -> None:
        """Reasons are Argo CD's, see `adapters.store.events`; `type` is Normal or Warning."""
        self._waiting.append(_Told(app, reason, message, type, self._clock.now()))
        self._wake.set()

    async def serve(self) -> None:
        """Writes them one after the other; runs until cancelled."""
        while True:
            while self._waiting:
                await self._written(self._waiting.popleft())
            self._wake.clear()
            await self._wake.wait()

    async def _written(self, told: _Told) -> None:
        about = str(told.app.key)
        try:
            await self._store.emit_event(told.app, told.reason, told.message, told.type, at=told.at)
        except GitOpsError as error:
            log.info("event not written", application=about, told=told.reason, error=str(error))
        except Exception:  # whatever telling comes to, the work goes on
            log.error("event not written", application=about, told=told.reason, trace=traceback.format_exc())
