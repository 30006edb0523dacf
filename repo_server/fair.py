"""Bounded turns, shared fairly: whoever already has most waits longest.

`who` names the one who asks from the widest group to the narrowest, as (repository, application). Of those
who wait, the group with the fewest turns under way goes first, then the one that was served longest ago,
then its members by the same rule, then whoever came first.

A turn that takes long may step aside: its place is free for the next one, while it goes on in one of a few
places for such turns. It still counts for the shares.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Who = tuple[str, ...]


class Turn:
    """One turn under way."""

    def __init__(self, step_aside: Callable[["Turn"], None]) -> None:
        self._step_aside = step_aside

    def step_aside(self) -> None:
        """Call it once: as soon as there is a place aside, the place held is free for others."""
        self._step_aside(self)


class FairTurns:
    def __init__(
        self,
        limit: int,
        *,
        share: int | None = None,
        member_share: int | None = None,
        aside: int = 0,
        observe: Callable[[int], None] = lambda _held: None,
    ) -> None:
        self._limit = limit
        most = limit + aside
        # What one widest group and one of its members may hold, whether others wait or not.
        self._shares = [most if each is None else max(1, min(each, most)) for each in (share, member_share)]
        self._places_aside = aside
        self._aside: set[Turn] = set()
        self._long: list[Turn] = []  # would step aside as soon as there is a place
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
    async def turn(self, who: Who) -> AsyncIterator["Turn"]:
        await self._granted(who)
        turn = Turn(self._step_aside)
        try:
            yield turn
        finally:
            self._end(turn, who)

    def _step_aside(self, turn: "Turn") -> None:
        self._long.append(turn)
        self._move_aside()

    def _move_aside(self) -> None:
        while self._long and len(self._aside) < self._places_aside:
            self._aside.add(self._long.pop(0))
            self._held -= 1
        self._observe(self._held)
        self._grant()

    def _end(self, turn: "Turn", who: Who) -> None:
        if turn in self._long:
            self._long.remove(turn)
        if turn in self._aside:
            self._aside.remove(turn)
            self._held += 1  # it is given back like any other
        self._release(who)
        self._move_aside()

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
            allowed = [each for each, who in self._waiting.items() if self._may(who)]
            if not allowed:
                return
            chosen = min(allowed, key=self._rank)
            self._take(self._waiting.pop(chosen))
            chosen.set_result(None)

    def _may(self, who: Who) -> bool:
        return all(self._under_way[each] < share for each, share in zip(_prefixes(who), self._shares, strict=False))

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
