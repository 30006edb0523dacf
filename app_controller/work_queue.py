"""Keys that want a visit: deduplicated, delayed, never the same key in two workers.

A key carries no event. Whoever visits it looks at the world as it is then, so that ten changes
cost one visit and a lost change costs nothing.
"""

import asyncio
from collections import deque
from collections.abc import Hashable
from datetime import timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class WorkQueue(Generic[Key]):
    def __init__(self) -> None:
        self._ready: deque[Key] = deque()
        self._queued: set[Key] = set()
        self._visiting: set[Key] = set()
        self._again: set[Key] = set()  # asked for while being visited
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._wakeup = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def idle(self) -> bool:
        """Nothing waits now and nobody is at work; later appointments may exist."""
        return not self._ready and not self._visiting

    def add(self, key: Key) -> None:
        """Visit as soon as possible. Cancels a later appointment: the visit makes its own."""
        self._cancel_timer(key)
        if key in self._visiting:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.append(key)
            self._wakeup.set()

    def add_after(self, key: Key, delay: timedelta) -> None:
        """Visit in `delay`, unless an earlier visit is already due."""
        if key in self._queued:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + max(0.0, delay.total_seconds())
        present = self._timers.get(key)
        if present is not None and present.when() <= due:
            return
        self._cancel_timer(key)
        self._timers[key] = loop.call_at(due, self._timer_fired, key)

    async def take(self) -> Key:
        """The next key; it is the caller's until `settle`."""
        while not self._ready:
            self._wakeup.clear()
            await self._wakeup.wait()
        key = self._ready.popleft()
        self._queued.discard(key)
        self._visiting.add(key)
        return key

    def settle(self, key: Key, *, again_in: timedelta | None = None) -> None:
        """The visit is over; `again_in` makes an appointment."""
        self._visiting.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        elif again_in is not None:
            self.add_after(key, again_in)

    def forget(self, key: Key) -> None:
        self._cancel_timer(key)

    def _timer_fired(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _cancel_timer(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
