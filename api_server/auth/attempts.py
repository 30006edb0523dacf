"""How often an account may be tried: counted before a password is looked at, so parallel guesses gain nothing."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from adapters.clock import Clock

LIMIT = 5
WINDOW = timedelta(seconds=300)
MOST_NAMES = 10_000


class Failures(msgspec.Struct, frozen=True):
    """Failed logins of one name in a row, and when the last one was."""

    count: int = 0
    last: datetime | None = None

    def standing(self, now: datetime) -> int:
        """How many still count; a quiet window forgives all."""
        return self.count if self.last and now - self.last < WINDOW else 0

    def one_more(self, now: datetime) -> "Failures":
        return Failures(self.standing(now) + 1, now)


@dataclass
class _Name:
    failures: Failures = field(default_factory=Failures)
    in_flight: int = 0
    cleared: datetime | None = None  # the last success
    ended: asyncio.Condition = field(default_factory=asyncio.Condition)


class Attempt:
    """One try at one name. `permitted` says whether a password may be looked at at all."""

    def __init__(self, permitted: bool) -> None:
        self.permitted = permitted
        self.succeeded = False


class Attempts:
    """Counts failures per name. Names of accounts are never evicted; made-up ones share a bounded table."""

    def __init__(self, clock: Clock, *, most_names: int = MOST_NAMES) -> None:
        self._clock = clock
        self._most_names = most_names
        self._accounts: dict[str, _Name] = {}
        self._others: OrderedDict[str, _Name] = OrderedDict()

    def restore(self, name: str, failures: Failures) -> None:
        """Takes over what was recorded before a restart, or by another replica, if it weighs more."""
        entry = self._accounts.setdefault(name, _Name())
        now = self._clock.now()
        outdated = entry.cleared and failures.last and failures.last <= entry.cleared
        if not outdated and failures.standing(now) > entry.failures.standing(now):
            entry.failures = failures

    def failures_of(self, name: str) -> Failures:
        entry = self._accounts.get(name) or self._others.get(name)
        return entry.failures if entry else Failures()

    def forget(self, name: str) -> None:
        """The account's password is new: old failures say nothing any more."""
        if entry := self._accounts.get(name):
            entry.failures, entry.cleared = Failures(), self._clock.now()

    @asynccontextmanager
    async def attempt(self, name: str, *, is_account: bool) -> AsyncIterator[Attempt]:
        """Reserves one try. While tries under way could still use up the limit, further ones wait for them."""
        entry = self._entry(name, is_account)
        permitted = await self._reserve(entry)
        attempt = Attempt(permitted)
        try:
            yield attempt
        finally:
            if permitted:
                await self._release(entry, succeeded=attempt.succeeded)

    def _entry(self, name: str, is_account: bool) -> _Name:
        if is_account:
            return self._accounts.setdefault(name, _Name())
        entry = self._others.setdefault(name, _Name())
        self._others.move_to_end(name)
        while len(self._others) > self._most_names:
            self._others.popitem(last=False)
        return entry

    async def _reserve(self, entry: _Name) -> bool:
        async with entry.ended:
            while True:
                failed = entry.failures.standing(self._clock.now())
                if failed >= LIMIT:
                    return False
                if failed + entry.in_flight < LIMIT:
                    entry.in_flight += 1
                    return True
                await entry.ended.wait()

    async def _release(self, entry: _Name, *, succeeded: bool) -> None:
        async with entry.ended:
            entry.in_flight -= 1
            now = self._clock.now()
            if succeeded:
                entry.failures, entry.cleared = Failures(), now
            else:
                entry.failures = entry.failures.one_more(now)
            entry.ended.notify_all()
