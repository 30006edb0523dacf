"""Bounded turns, shared fairly: whoever already has most waits longest.

`who` names the one who asks from the widest group to the narrowest, as (repository, application). Of those
who wait, the group with the fewest turns under way goes first, then the one that was served longest ago,
then its members by the same rule, then whoever came first.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Who = tuple[str, ...]


class FairTurns:
    def __init__(
        self, limit: int, *, share: int | None = None, observe: Callable[[int], None] = lambda _held: None
    ) -> None:
        self._limit = limit
        self._share = limit if share is None else max(1, min(share, limit))  # of one widest group, others or not
        self._observe = observe
        self._held = 0
        self._under_way: Counter[Who] = Counter()  # by every prefix of `who`
        self._served: dict[Who, int] = {}  # by the same prefixes: the number of the last turn
        self._turns = 0
        self._waiting: dict[asyncio.Future[None], Who] = {}  # in the order they came

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @asynccontextmanager
    async def turn(self, who: Who) -> AsyncIterator[None]:
        await self._granted(who)
        try:
            yield
        finally:
            self._release(who)

    async def _granted(self, who: Who) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[mine] = who
        self._grant()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._release(who)
            else:
                self._waiting.pop(mine, None)
            raise

    def _grant(self) -> None:
        while self._held < self._limit:
            allowed = [each for each, who in self._waiting.items() if self._under_way[who[:1]] < self._share]
            if not allowed:
                return
            chosen = min(allowed, key=self._rank)
            self._take(self._waiting.pop(chosen))
            chosen.set_result(None)

    def _rank(self, waiter: asyncio.Future[None]) -> tuple[int, ...]:
        who = self._waiting[waiter]
        ranks: list[int] = []
        for prefix in _prefixes(who):
            ranks += [self._under_way[prefix], self._served.get(prefix, 0)]
        return tuple(ranks)

    def _take(self, who: Who) -> None:
        self._held += 1
        self._turns += 1
        for prefix in _prefixes(who):
            self._under_way[prefix] += 1
            self._served[prefix] = self._turns
        self._observe(self._held)

    def _release(self, who: Who) -> None:
        self._held -= 1
        for prefix in _prefixes(who):
            self._under_way[prefix] -= 1
            if self._under_way[prefix] == 0:
                del self._under_way[prefix]
        if not self._waiting:
            self._served.clear()  # nobody is left to be treated unfairly
        self._observe(self._held)
        self._grant()


def _prefixes(who: Who) -> list[Who]:
    return [who[: length + 1] for length in range(len(who))]
