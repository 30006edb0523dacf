"""Many bodies of strangers at once: what they cost together, and who has to go."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from api_server.errors import BodyTooLarge, TooManyRequests, TooSlow
from api_server.stranger_bodies import StrangerBodies


class Sender:
    """A body that comes as the test says."""

    def __init__(self) -> None:
        self.parts: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.seen: list[bytes] = []

    def send(self, *parts: bytes | None) -> None:
        for each in parts:
            self.parts.put_nowait(each)

    async def stream(self) -> AsyncIterator[bytes]:
        while (part := await self.parts.get()) is not None:
            yield part

    async def received(self, bodies: StrangerBodies, limit: int = 1_000) -> bytes:
        with bodies.receiving() as held:
            return bytes(await bodies.read(held, self.stream(), limit=limit, seen=self.seen.append))


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_body_is_shown_part_by_part_and_then_whole() -> None:
    bodies, sender = StrangerBodies(within=None), Sender()
    sender.send(b"ab", b"c", None)
    assert await sender.received(bodies) == b"abc"
    assert sender.seen == [b"ab", b"c"]
    assert (bodies.count, bodies.size) == (0, 0)


async def test_a_body_over_its_limit_is_cut() -> None:
    bodies, sender = StrangerBodies(within=None), Sender()
    sender.send(b"x" * 600, b"x" * 600)
    with pytest.raises(BodyTooLarge, match="1000 bytes"):
        await sender.received(bodies)
    assert bodies.size == 0


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    sender = Sender()
    sender.send(b"x")
    with pytest.raises(TooSlow):
        await sender.received(StrangerBodies(within=0.001))


async def test_who_holds_most_gives_way_and_the_small_come_through() -> None:
    bodies = StrangerBodies(total=1_000, within=None)
    large, middle, small = Sender(), Sender(), Sender()
    tasks = [asyncio.ensure_future(each.received(bodies)) for each in (large, middle, small)]
    large.send(b"x" * 600)
    middle.send(b"x" * 300)
    await settled()
    small.send(b"x" * 200, None)
    await settled()
    assert bodies.size == 300
    assert await tasks[2] == b"x" * 200
    with pytest.raises(TooManyRequests):
        await tasks[0]
    middle.send(None)
    assert await tasks[1] == b"x" * 300


async def test_a_large_body_that_is_one_too_many_goes_itself() -> None:
    bodies = StrangerBodies(total=1_000, within=None)
    small, large = Sender(), Sender()
    tasks = [asyncio.ensure_future(each.received(bodies)) for each in (small, large)]
    small.send(b"x" * 100)
    large.send(b"x" * 500, b"x" * 450)
    with pytest.raises(TooManyRequests):
        await tasks[1]
    small.send(None)
    assert await tasks[0] == b"x" * 100


async def test_the_oldest_makes_room_for_the_newcomer() -> None:
    bodies = StrangerBodies(most=3, within=None)
    slow = [Sender() for _ in range(3)]
    tasks = [asyncio.ensure_future(each.received(bodies)) for each in slow]
    await settled()
    honest = Sender()
    honest.send(b"push", None)
    assert await honest.received(bodies) == b"push"
    with pytest.raises(TooManyRequests):
        await tasks[0]
    for each in slow[1:]:
        each.send(None)
    assert [await each for each in tasks[1:]] == [b"", b""]


async def test_any_number_of_large_bodies_costs_no_more_than_the_total() -> None:
    bodies = StrangerBodies(total=10_000, most=50, within=None)
    senders = [Sender() for _ in range(200)]
    tasks = [asyncio.ensure_future(each.received(bodies, limit=5_000)) for each in senders]
    for _ in range(40):
        for each in senders:
            each.send(b"x" * 100)
        await settled()
        assert bodies.size <= 10_000
        assert bodies.count <= 50
    for each in senders:
        each.send(None)
    ended, _ = await asyncio.wait(tasks)
    assert {type(each.exception()) for each in ended} <= {type(None), TooManyRequests}
    assert bodies.count == 0
