"""Bodies of senders nobody knows yet: bounded all together, so that many large ones cost no more than one.

Who holds most gives way to the others, and who has been at it longest to the newcomer. A push that means it is
small and quick, so it is never the one that has to go; an attacker's own bodies push each other out.
"""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import contextmanager

from api_server.errors import BodyTooLarge, TooManyRequests, TooSlow

MIB = 1024 * 1024
TOTAL_BYTES = 32 * MIB
MOST_AT_ONCE = 128
WITHIN_SECONDS = 30.0


class Held:
    """What has come of one body so far."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.patience: asyncio.Timeout | None = None
        self.pushed_out = False

    def give_way(self) -> None:
        """Ends whoever waits for the rest, and lets go of what is there."""
        self.pushed_out = True
        self.data = bytearray()
        if self.patience is not None:
            self.patience.reschedule(asyncio.get_running_loop().time())


class StrangerBodies:
    def __init__(
        self, *, total: int = TOTAL_BYTES, most: int = MOST_AT_ONCE, within: float | None = WITHIN_SECONDS
    ) -> None:
        self._total = total
        self._most = most
        self._within = within
        self._held: dict[Held, None] = {}  # the oldest first

    @property
    def count(self) -> int:
        return len(self._held)

    @property
    def size(self) -> int:
        return sum(len(each.data) for each in self._held)

    @contextmanager
    def receiving(self) -> Iterator[Held]:
        """A place for one body, which counts until it is given back."""
        held = Held()
        while len(self._held) >= self._most:
            self._push_out(next(iter(self._held)))
        self._held[held] = None
        try:
            yield held
        finally:
            self._held.pop(held, None)

    async def read(
        self, held: Held, parts: AsyncIterable[bytes], *, limit: int, seen: Callable[[bytes], object]
    ) -> bytearray:
        """The whole body; `seen` is shown each part as it comes. Its announced length is not believed."""
        try:
            async with asyncio.timeout(self._within) as held.patience:
                async for part in parts:
                    seen(part)
                    self._take(held, part, limit)
        except TimeoutError:
            if held.pushed_out:
                raise TooManyRequests("too much is being received at once; send it again") from None
            raise TooSlow("the webhook's body came too slowly") from None
        finally:
            held.patience = None
        return held.data

    def _take(self, held: Held, part: bytes, limit: int) -> None:
        if len(held.data) + len(part) > limit:
            raise BodyTooLarge(f"the webhook's body is larger than {limit} bytes")
        held.data += part
        while self.size > self._total:
            largest = max(self._held, key=lambda each: len(each.data))
            self._push_out(largest)
            if largest is held:
                raise TooManyRequests("too much is being received at once; send it again")

    def _push_out(self, held: Held) -> None:
        del self._held[held]
        held.give_way()
