"""Whether an API server answers, and what is done meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app_controller.live.reachability import MayPass, Reachability, Watchfulness
from gitops.model.errors import ClusterRefused, ClusterUnreachable
from gitops.model.repository import Cluster

PROD = Cluster("https://prod", "prod")
NO_ANSWER = ClusterUnreachable("get /version: did not answer in time")


class Clock:
    """Moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, duration: timedelta) -> None:
        self.moment += duration
        await asyncio.sleep(0)


class Server:
    def __init__(self) -> None:
        self.failure: Exception | None = None

    async def silence(self, within: float) -> ClusterUnreachable | None:
        await asyncio.sleep(0)
        if isinstance(self.failure, ClusterUnreachable):
            return self.failure
        if self.failure is not None:
            raise self.failure
        return None


class Prod:
    def __init__(self, grace: timedelta) -> None:
        self.server, self.clock, self.changes = Server(), Clock(), 0
        self.reachability = Reachability(
            PROD,
            self.server,  # type: ignore[arg-type]
            self.clock,
            changed=self._count,
            watchfulness=Watchfulness(every=timedelta(seconds=2), grace=grace),
        )

    def _count(self) -> None:
        self.changes += 1


async def test_silence_is_told_with_its_beginning_and_its_end() -> None:
    prod = Prod(timedelta(milliseconds=20))
    asking = asyncio.ensure_future(prod.reachability.keep_asking())
    await until(lambda: prod.reachability.heard_at)
    prod.server.failure = NO_ANSWER
    await until(lambda: prod.changes)
    with pytest.raises(ClusterUnreachable, match=r"prod .* not answer since 2026-11-24T00:0.*in time"):
        prod.reachability.check()
    prod.server.failure = None
    await until(lambda: prod.changes == 2)
    prod.reachability.check()
    assert not asking.done()
    asking.cancel()
    await asyncio.wait({asking})


async def test_a_question_that_cannot_be_asked_is_silence_too() -> None:
    prod = Prod(timedelta(milliseconds=20))
    asking = asyncio.ensure_future(prod.reachability.keep_asking())
    prod.server.failure = TypeError("a bug")
    await until(lambda: prod.changes)
    with pytest.raises(ClusterUnreachable, match="the controller's log says why"):
        prod.reachability.check()
    asking.cancel()
    await asyncio.wait({asking})


async def test_work_that_waits_for_a_silent_server_ends_with_the_grace() -> None:
    prod = Prod(timedelta(milliseconds=20))
    ended = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    working = asyncio.ensure_future(prod.reachability.unless_lost(hang()))
    await asyncio.sleep(0)
    prod.reachability.lost(NO_ANSWER)
    with pytest.raises(ClusterUnreachable, match="does not answer since"):
        await working
    assert ended.is_set()


async def test_a_call_that_fails_while_the_server_is_away_for_a_moment_may_pass() -> None:
    prod = Prod(timedelta(minutes=1))
    prod.server.failure = NO_ANSWER
    with pytest.raises(MayPass):
        await prod.reachability.unless_lost(failing(ClusterUnreachable("apply ConfigMap: broke the connection")))
    assert prod.reachability.error is not None, "the call is what told of it"


async def test_a_call_that_fails_while_the_server_answers_fails() -> None:
    prod = Prod(timedelta(minutes=1))
    for error in (ClusterUnreachable("apply ConfigMap: did not answer in time"), ClusterRefused("no", status=422)):
        with pytest.raises(type(error)) as raised:
            await prod.reachability.unless_lost(failing(error))
        assert raised.value is error
    assert prod.reachability.error is None


async def test_what_work_comes_to_is_handed_on() -> None:
    prod = Prod(timedelta(minutes=1))

    async def work() -> str:
        return "done"

    assert await prod.reachability.unless_lost(work()) == "done"


async def test_who_wants_to_know_of_now_waits_for_a_sign_of_life() -> None:
    prod = Prod(timedelta(minutes=1))
    await prod.reachability.confirm()
    prod.server.failure = NO_ANSWER
    with pytest.raises(ClusterUnreachable):
        await prod.reachability.confirm()
    assert prod.clock.moment - datetime(2026, 11, 24, tzinfo=UTC) >= timedelta(minutes=1), "it waits for the grace"


async def test_an_answer_does_not_mean_that_we_are_let_in() -> None:
    prod = Prod(timedelta(0))
    prod.reachability.lost(ClusterRefused("list: Unauthorized", status=401), silent=False)
    with pytest.raises(ClusterUnreachable, match="Unauthorized"):
        await prod.reachability.confirm()
    prod.reachability.heard()
    await prod.reachability.confirm()


async def failing(error: Exception) -> None:
    raise error


async def until(condition: Any) -> None:
    async with asyncio.timeout(2):
        while not condition():
            await asyncio.sleep(0.001)
