"""What changed in a mirror, for any number of listeners, each at its own pace.

A feed keeps one entry per record: a slow listener sees the latest state, not every step to it.
So its memory is bounded by the number of records, and beyond `limit` it just says `Resync`.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from adapters.store.kinds import RecordName
from gitops.model.resource import Manifest

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"

Interest = Callable[[Manifest], bool]


class Changed(msgspec.Struct, frozen=True):
    """`raw` is the record as it is now; of a deleted one, as it was last."""

    name: RecordName
    raw: Manifest
    kind: str  # ADDED | MODIFIED | DELETED


class Resync(msgspec.Struct, frozen=True):
    """More happened than is told one by one: look at everything again."""


Change = Changed | Resync

# What two changes of one record amount to, told as one.
_MERGED = {(ADDED, MODIFIED): ADDED, (DELETED, ADDED): MODIFIED}


class Feed:
    """Listens from the moment it is made. Iterate it; `with` or `close` ends it."""

    def __init__(self, interest: Interest | None = None, *, limit: int = 10_000, recoveries: bool = False) -> None:
        """`recoveries`: also when the mirror is current again after it was not, it says `Resync`."""
        self._interest = interest
        self._limit = limit
        self._recoveries = recoveries
        self._pending: dict[RecordName, Changed] = {}
        self._overflowed = False
        self._closed = False
        self._wake = asyncio.Event()

    def offer(self, change: Changed, before: Manifest | None) -> None:
        """Called by the mirror; `before` is what the record was, so that losing a label is noticed too."""
        if self._closed or not self._concerns(change.raw, before):
            return
        earlier = self._pending.pop(change.name, None)
        if earlier is not None:
            change = Changed(change.name, change.raw, _MERGED.get((earlier.kind, change.kind), change.kind))
        self._pending[change.name] = change
        if len(self._pending) > self._limit:
            self.demand_resync()
        self._wake.set()

    def demand_resync(self) -> None:
        self._pending.clear()
        self._overflowed = True
        self._wake.set()

    def recovered(self) -> None:
        """Called by the mirror; what is pending stays so."""
        if self._recoveries and not self._closed:
            self._overflowed = True
            self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._pending.clear()
        self._wake.set()

    @property
    def closed(self) -> bool:
        return self._closed

    def _concerns(self, raw: Manifest, before: Manifest | None) -> bool:
        if self._interest is None:
            return True
        return self._interest(raw) or (before is not None and self._interest(before))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        while True:
            if self._closed:
                raise StopAsyncIteration
            if self._overflowed:
                self._overflowed = False
                return Resync()
            if self._pending:
                return self._pending.pop(next(iter(self._pending)))
            self._wake.clear()
            await self._wake.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
