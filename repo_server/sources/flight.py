"""One run of an action at a time, shared by everybody who asked before it began."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """At most one run of an action at a time; whoever asks gets the result of a run begun after asking.

    Flights that share a `turn` exclude each other.
    """

    def __init__(self, action: Callable[[], Awaitable[T]], turn: asyncio.Lock | None = None) -> None:
        self._action = action
        self._turn = turn or asyncio.Lock()
        self._next: asyncio.Future[T] | None = None

    async def result(self) -> T:
        while True:
            try:
                return await self._joined()
            except _FlightLost:
                continue

    async def _joined(self) -> T:
        if self._next is not None:
            return await asyncio.shield(self._next)
        mine = self._next = asyncio.get_running_loop().create_future()
        try:
            async with self._turn:
                await asyncio.sleep(0)  # callers of this very moment come along
                self._next = None
                answer = await self._action()
        except BaseException as error:
            self._next = None if self._next is mine else self._next
            self._settle(mine, error)
            raise
        if not mine.done():
            mine.set_result(answer)
        return answer

    @staticmethod
    def _settle(future: asyncio.Future[T], error: BaseException) -> None:
        if future.done():
            return
        # The one who ran it was cancelled, the others were not: they have to ask again.
        future.set_exception(_FlightLost() if isinstance(error, asyncio.CancelledError) else error)
        future.exception()  # nobody may be waiting


class _FlightLost(Exception):
    """The caller whose turn it was went away."""
