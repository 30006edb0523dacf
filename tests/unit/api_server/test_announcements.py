"""Pushes reach the controller, whoever was away when they were announced."""

import asyncio
from typing import Any

from adapters.live_client import ControllerUnavailable
from api_server.announcements import Announcements
from tests.unit.api_server.api_fakes import ClockByHand

SHOP, OTHER = "https://git.example.com/shop.git", "https://git.example.com/other.git"


class Controller:
    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.deaf_to: str | None = None
        self.tried = 0
        self.told: list[tuple[str, str]] = []

    async def notify_push(self, repository_url: str, *, ref: str = "", revision: str = "") -> None:
        self.tried += 1
        await asyncio.sleep(0)
        if self.failure is not None or repository_url == self.deaf_to:
            raise self.failure or ControllerUnavailable("not this one")
        self.told.append((repository_url, revision))


class Yielding(ClockByHand):
    async def sleep(self, duration: Any) -> None:
        await super().sleep(duration)
        await asyncio.sleep(0)


async def running(announcements: Announcements, until: Any) -> None:
    task = asyncio.ensure_future(announcements.run())
    async with asyncio.timeout(2):
        while not until():
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})


async def test_after_a_start_every_repository_is_asked_for_as_soon_as_the_controller_is_there() -> None:
    controller, clock = Controller(), Yielding()
    controller.failure = ControllerUnavailable("it cannot be reached")
    announcements = Announcements(controller, clock)

    def told() -> bool:
        if controller.tried == 20:
            controller.failure = None
        return bool(controller.told)

    await running(announcements, told)
    assert controller.told == [("", "")]
    assert max(clock.slept).total_seconds() <= 2, "both are back: nobody waits any longer"


async def test_a_push_is_told_at_once_and_once() -> None:
    controller = Controller()
    announcements = Announcements(controller, Yielding())
    await announcements.announce(SHOP, ref="main", revision="a")
    assert controller.told == [(SHOP, "a")]


async def test_a_push_that_the_controller_does_not_take_is_told_until_it_does_and_the_last_one_counts() -> None:
    controller = Controller()
    announcements = Announcements(controller, Yielding())
    controller.failure = ControllerUnavailable("it did not answer in time")
    await announcements.announce(SHOP, ref="main", revision="a")
    await announcements.announce(SHOP, ref="main", revision="b")
    await announcements.announce(OTHER, ref="main", revision="c")
    controller.failure = None
    await running(announcements, lambda: len(controller.told) == 3)
    assert controller.told == [("", ""), (SHOP, "b"), (OTHER, "c")]


async def test_one_push_that_is_not_taken_does_not_keep_the_others() -> None:
    controller = Controller()
    announcements = Announcements(controller, Yielding())
    controller.failure = TypeError("a bug")
    await announcements.announce(SHOP, ref="main", revision="a")
    controller.failure = ControllerUnavailable("it did not answer in time")
    await announcements.announce(SHOP, ref="main", revision="b")
    await announcements.announce(OTHER, ref="main", revision="c")
    controller.failure, controller.deaf_to = None, SHOP
    await running(announcements, lambda: (OTHER, "c") in controller.told)
