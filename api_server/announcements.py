"""Pushes told to the controller, until it has taken them: what a Git host tells us it tells us once."""

import asyncio
import traceback
from datetime import timedelta
from typing import NamedTuple, Protocol

import structlog

from adapters.clock import Clock
from gitops.model.errors import GitOpsError

log = structlog.get_logger("webhook")

FIRST_PAUSE = timedelta(milliseconds=200)
LONGEST_PAUSE = timedelta(seconds=2)
EVERY_REPOSITORY = ""  # asked for where announcements may have been lost


class Told(Protocol):
    async def notify_push(self, repository_url: str, *, ref: str = "", revision: str = "") -> None: ...


class _Push(NamedTuple):
    ref: str = ""
    revision: str = ""


class Announcements:
    """Bounded by the repositories that our records know: of each only the last push is kept."""

    def __init__(self, controller: Told, clock: Clock) -> None:
        self._controller = controller
        self._clock = clock
        # Nobody took announcements while we were not there.
        self._waiting: dict[str, _Push] = {EVERY_REPOSITORY: _Push()}
        self._wake = asyncio.Event()
        self._wake.set()

    async def announce(self, url: str, *, ref: str, revision: str) -> None:
        """Told at once; later, and again, if the controller does not take it now."""
        if not await self._taken(url, _Push(ref, revision)):
            log.warning("the controller was not told of a push; it is told again until it takes it", ref=ref)
            self._waiting[url] = _Push(ref, revision)
            self._wake.set()

    async def run(self) -> None:
        """Once the server takes webhooks; until cancelled."""
        pause = FIRST_PAUSE
        while True:
            await self._wake.wait()
            self._wake.clear()
            for url, push in list(self._waiting.items()):
                if await self._taken(url, push) and self._waiting.get(url) == push:
                    del self._waiting[url]
                    pause = FIRST_PAUSE
            if self._waiting:
                self._wake.set()
                await self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _taken(self, url: str, push: _Push) -> bool:
        try:
            await self._controller.notify_push(url, ref=push.ref, revision=push.revision)
        except GitOpsError as error:
            log.debug("the controller was not told of a push", error=str(error))
            return False
        except Exception:  # a bug about one push must not keep the others from being told
            log.error("the controller was not told of a push", trace=traceback.format_exc())
        return True
