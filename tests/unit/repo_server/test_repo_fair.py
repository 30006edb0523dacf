"""Turns are bounded, and whoever has most waits longest."""

import asyncio

from repo_server.fair import FairTurns, Who


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
