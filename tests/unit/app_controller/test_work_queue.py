"""The queue's promises: each key once, never two workers on one key, nothing asked for is lost."""

import asyncio
from datetime import timedelta

from app_controller.work_queue import WorkQueue


async def taken(queue: WorkQueue[str]) -> str:
    async with asyncio.timeout(1):
        return await queue.take()


async def test_a_key_added_many_times_is_taken_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for _ in range(5):
        queue.add("web")
    assert await taken(queue) == "web"
    queue.settle("web")
    assert queue.idle


async def test_a_key_under_visit_is_not_given_to_a_second_worker() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("web")
    await taken(queue)
    queue.add("web")
    queue.add("api")
    assert await taken(queue) == "api"
    assert len(queue) == 0


async def test_what_was_asked_during_a_visit_is_visited_after_it() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("web")
    await taken(queue)
    queue.add("web")
    queue.settle("web", again_in=timedelta(hours=1))
    assert await taken(queue) == "web"


async def test_an_appointment_comes_due_by_itself() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("web", timedelta(milliseconds=10))
    assert len(queue) == 0
    assert await taken(queue) == "web"


async def test_the_earlier_of_two_appointments_holds() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("web", timedelta(milliseconds=10))
    queue.add_after("web", timedelta(hours=1))
    assert await taken(queue) == "web"
    queue.settle("web")
    queue.add_after("api", timedelta(hours=1))
    queue.add_after("api", timedelta(milliseconds=10))
    assert await taken(queue) == "api"


async def test_an_immediate_visit_replaces_a_later_appointment() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("web", timedelta(milliseconds=20))
    queue.add("web")
    assert await taken(queue) == "web"
    queue.settle("web")
    await asyncio.sleep(0.05)
    assert len(queue) == 0
