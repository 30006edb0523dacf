"""Reading commits away from the event loop: a few threads, and for each reading a budget it cannot overdraw.

A thread cannot be killed, so what runs in one asks its budget at every step, and ends by itself when the
budget is spent, its time is up or nobody waits for it any more. If one should not, that is told in health.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import msgspec

from gitops.model.errors import RenderFailed

T = TypeVar("T")


class ReadingLimits(msgspec.Struct, frozen=True):
    threads: int = 4
    time: timedelta = timedelta(seconds=30)
    grace: timedelta = timedelta(seconds=5)  # for the step under way when time is up
    looks: int = 200_000  # files and directories looked at; one that is named twice counts twice
    bytes: int = 256 * 1024 * 1024


_DEFAULT = ReadingLimits()


class Budget:
    """What one reading of commits may still cost."""

    def __init__(self, limits: ReadingLimits = _DEFAULT, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._looks = limits.looks
        self._bytes = limits.bytes
        self._ends_at = monotonic() + limits.time.total_seconds()
        self._cancelled = False

    def spend(self) -> None:
        self._looks -= 1
        if self._looks < 0:
            raise RenderFailed(
                f"the source reaches more than {self._limits.looks} files and directories; "
                "is one directory named again and again? Choose a narrower path"
            )
        if self._cancelled or self._monotonic() > self._ends_at:
            raise out_of_time(self._limits)

    def read(self, size: int) -> None:
        self._bytes -= size
        if self._bytes < 0:
            raise RenderFailed(
                f"more than {self._limits.bytes // 1024**2} MiB of files would be read for this source; split it up"
            )

    def cancel(self) -> None:
        self._cancelled = True


def out_of_time(limits: ReadingLimits) -> RenderFailed:
    return RenderFailed(
        f"reading the source took longer than {limits.time.total_seconds():.0f} s; choose a narrower path"
    )


class Reading:
    """The threads. They are daemons: a process that has to end does not wait for one that does not."""

    def __init__(self, limits: ReadingLimits = _DEFAULT, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._free = asyncio.Semaphore(limits.threads)
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started = 0
        self._ends: dict[asyncio.Future[Any], float] = {}  # readings under way, and when they have to be over

    def stuck(self) -> int:
        """Readings that go on although their time is up."""
        now = self._monotonic()
        return sum(ends < now for ends in self._ends.values())

    async def run(self, action: Callable[[Budget], T]) -> T:
        """The action's result; RenderFailed when its time is up."""
        await self._free.acquire()
        budget = Budget(self._limits, monotonic=self._monotonic)
        done = self._begun(action, budget)
        allowed = (self._limits.time + self._limits.grace).total_seconds()
        self._ends[done] = self._monotonic() + allowed
        done.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(allowed):
                return await asyncio.shield(done)
        except TimeoutError:
            raise out_of_time(self._limits) from None
        finally:
            budget.cancel()  # whoever asked may have gone away

    def _begun(self, action: Callable[[Budget], T], budget: Budget) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = action(budget)
            except BaseException as error:
                _told(loop, done.set_exception, error)
            else:
                _told(loop, done.set_result, result)

        if self._started < self._limits.threads:
            self._started += 1
            threading.Thread(target=self._serve, name=f"reading-{self._started}", daemon=True).start()
        self._tasks.put(work)
        return done

    def _serve(self) -> None:
        while True:
            self._tasks.get()()

    def _ended(self, done: "asyncio.Future[Any]") -> None:
        del self._ends[done]
        self._free.release()
        if not done.cancelled():
            done.exception()  # there may be nobody who waits for it


def _told(loop: asyncio.AbstractEventLoop, settle: Callable[[Any], None], value: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: the process is about to end
        loop.call_soon_threadsafe(settle, value)
