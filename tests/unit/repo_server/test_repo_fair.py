"""Turns are bounded, and whoever has most waits longest."""

import asyncio

from repo_server.fair import FairTurns, Turn, Who


async def served(turns: FairTurns, askers: list[Who]) -> list[Who]:
    """The order in which those who ask at one moment get their turn, one after the other."""
    order: list[Who] = []

    async def ask(who: Who) -> None:
        async with turns.turn(who):
            order.append(who)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for who in askers:
            tasks.create_task(ask(who))
    return order


async def test_never_more_than_the_limit_at_once() -> None:
    held: list[int] = []
    turns = FairTurns(3, observe=held.append)
    await served(turns, [("a", str(number)) for number in range(50)])
    assert max(held) == 3
    assert held[-1] == 0


async def test_one_who_asks_once_waits_for_one_turn_of_one_who_asks_a_hundred_times() -> None:
    order = await served(FairTurns(1), [*[("many", "x")] * 100, ("one", "y")])
    assert order.index(("one", "y")) == 1


async def test_members_of_a_group_take_turns_too() -> None:
    order = await served(FairTurns(1), [*[("repo", "many")] * 5, ("repo", "one"), ("other", "app")])
    assert order[:3] == [("repo", "many"), ("other", "app"), ("repo", "one")]


async def test_a_group_never_has_more_than_its_share_even_when_nobody_else_waits() -> None:
    turns = FairTurns(4, share=3)
    release = asyncio.Event()
    begun: list[Who] = []

    async def hold(who: Who) -> None:
        async with turns.turn(who):
            begun.append(who)
            await release.wait()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(10):
            tasks.create_task(hold(("hung", "x")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(begun) == 3
        tasks.create_task(hold(("well", "y")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert begun[3] == ("well", "y")
        release.set()
    assert len(begun) == 11


async def test_one_who_gives_up_waiting_leaves_no_turn_behind() -> None:
    turns = FairTurns(1)
    async with turns.turn(("a", "")):
        waiting = asyncio.ensure_future(served(turns, [("b", "")]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert turns.waiting == 1
        waiting.cancel()
        await asyncio.wait([waiting])
    assert turns.waiting == 0
    assert await served(turns, [("c", "")]) == [("c", "")]


async def test_one_who_gives_up_at_the_moment_of_being_served_passes_the_turn_on() -> None:
    turns = FairTurns(1)
    holding = turns.turn(("a", ""))
    await holding.__aenter__()
    waiting = asyncio.ensure_future(served(turns, [("b", "")]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await holding.__aexit__(None, None, None)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await served(turns, [("c", "")]) == [("c", "")]


class Holder:
    """Turns that last until they are told to end."""

    def __init__(self, turns: FairTurns) -> None:
        self.turns = turns
        self.held: dict[Who, Turn] = {}
        self._ends: dict[Who, asyncio.Event] = {}
        self._tasks: list[asyncio.Future[None]] = []

    async def ask(self, *whos: Who) -> None:
        self._tasks += [asyncio.ensure_future(self._hold(each)) for each in whos]
        await self._settled()

    async def step_aside(self, *whos: Who) -> None:
        for each in whos:
            self.held[each].step_aside()
        await self._settled()

    async def end(self, *whos: Who) -> None:
        for each in whos:
            self._ends[each].set()
        await self._settled()

    async def _hold(self, who: Who) -> None:
        async with self.turns.turn(who) as turn:
            self.held[who] = turn
            self._ends[who] = asyncio.Event()
            await self._ends[who].wait()
        del self.held[who]

    async def _settled(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


A, B, C, D, OTHER = ("repo", "a"), ("repo", "b"), ("repo", "c"), ("repo", "d"), ("other", "a")


async def test_a_long_turn_steps_aside_and_frees_its_place() -> None:
    holder = Holder(FairTurns(1, aside=1))
    await holder.ask(A, B)
    assert list(holder.held) == [A]
    await holder.step_aside(A)
    assert list(holder.held) == [A, B]
    await holder.ask(C)
    await holder.end(A)
    assert list(holder.held) == [B], "what stepped aside gives no place back that it no longer had"
    await holder.end(B)
    assert list(holder.held) == [C]


async def test_a_long_turn_keeps_its_place_until_there_is_one_aside() -> None:
    holder = Holder(FairTurns(2, aside=1))
    await holder.ask(A, B, C)
    await holder.step_aside(A, B)
    assert list(holder.held) == [A, B, C]
    await holder.ask(D)
    assert D not in holder.held
    await holder.end(A)
    assert list(holder.held) == [B, C, D]


async def test_a_long_turn_that_ends_before_it_could_step_aside_leaves_nothing_behind() -> None:
    holder = Holder(FairTurns(1, aside=0))
    await holder.ask(A, B, C)
    await holder.step_aside(A)
    await holder.end(A)
    assert list(holder.held) == [B]
    await holder.end(B)
    assert list(holder.held) == [C]


async def test_those_aside_count_for_the_share_of_their_group() -> None:
    holder = Holder(FairTurns(1, share=2, aside=2))
    await holder.ask(A, B, C)
    await holder.step_aside(A)
    await holder.step_aside(B)
    assert list(holder.held) == [A, B], "a place is free, but not for them"
    await holder.ask(OTHER)
    assert list(holder.held) == [A, B, OTHER]
    await holder.end(A, B, OTHER)
    assert list(holder.held) == [C]
    await holder.end(C)


async def test_a_member_never_has_more_than_its_share() -> None:
    begun: list[Who] = []
    turns = FairTurns(4, member_share=1)
    release = asyncio.Event()

    async def hold(who: Who) -> None:
        async with turns.turn(who):
            begun.append(who)
            await release.wait()

    async with asyncio.TaskGroup() as tasks:
        for who in (A, A, A, B):
            tasks.create_task(hold(who))
        for _ in range(3):
            await asyncio.sleep(0)
        assert begun == [A, B]
        release.set()
    assert begun == [A, B, A, A]
