"""How long the end of an operation may take: a cluster that does not answer must not hold it up."""

import asyncio
from collections.abc import Collection, Coroutine
from datetime import timedelta
from typing import Any

from app_controller.concurrency import beside

LAST_WRITES_WITHIN = timedelta(seconds=2)  # for writes under way when the operation is told to end
FAREWELLS_WITHIN = timedelta(seconds=30)  # for what becomes of hooks, once their outcome is on record
FAREWELLS_WHEN_TERMINATED = timedelta(seconds=4)  # for all of it together, once a person wants the end


class Patience:
    def __init__(self, terminating: asyncio.Event) -> None:
        self._terminating = terminating
        self._end: float | None = None

    async def let_end(self, tasks: Collection[asyncio.Task[None]]) -> None:
        """Waits for them for a moment, then gives them up."""
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=min(LAST_WRITES_WITHIN.total_seconds(), self._left()))
            for task in late:
                task.cancel()

    async def bear(self, work: Coroutine[Any, Any, None]) -> None:
        """Carries it out, as long as that does not take too long."""
        with beside(work, self._terminating) as (working, ending):
            await asyncio.wait({working, ending}, timeout=self._left(), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await asyncio.wait({working}, timeout=self._left())
            if working.done():
                working.result()

    def _left(self) -> float:
        """Seconds that all that is left to do may take together, counted from the first time it is asked."""
        now = asyncio.get_running_loop().time()
        if self._end is None:
            self._end = now + FAREWELLS_WITHIN.total_seconds()
        if self._terminating.is_set():
            self._end = min(self._end, now + FAREWELLS_WHEN_TERMINATED.total_seconds())
        return max(0.0, self._end - now)
