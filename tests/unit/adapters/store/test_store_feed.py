"""What a listener gets to hear, however slow it is."""

import asyncio
from typing import Any

from adapters.store.feed import ADDED, DELETED, MODIFIED, Change, Changed, Feed, Resync
from adapters.store.kinds import RecordName


def changed(name: str, kind: str, **raw: Any) -> Changed:
    return Changed(RecordName("argocd", name), raw, kind)


async def heard(feed: Feed) -> list[Change]:
    found: list[Change] = []
    while True:
        try:
            async with asyncio.timeout(0.01):
                found.append(await anext(feed))
        except TimeoutError:
            return found


async def test_each_record_is_told_once_in_its_latest_state() -> None:
    feed = Feed()
    feed.offer(changed("a", ADDED, v=1), None)
    feed.offer(changed("b", ADDED, v=1), None)
    feed.offer(changed("a", MODIFIED, v=2), {})
    assert await heard(feed) == [changed("b", ADDED, v=1), changed("a", ADDED, v=2)]


async def test_deleted_and_made_anew_is_a_change_for_who_knew_the_old_one() -> None:
    feed = Feed()
    feed.offer(changed("a", DELETED, v=1), {})
    feed.offer(changed("a", ADDED, v=2), None)
    assert await heard(feed) == [changed("a", MODIFIED, v=2)]


async def test_too_many_changes_become_one_call_to_look_again() -> None:
    feed = Feed(limit=3)
    for number in range(10):
        feed.offer(changed(str(number), ADDED), None)
    found = await heard(feed)
    assert found[0] == Resync()
    assert len(found) < 5
    feed.offer(changed("later", ADDED), None)
    assert await heard(feed) == [changed("later", ADDED)]


async def test_losing_what_made_it_interesting_is_told() -> None:
    feed = Feed(lambda raw: raw.get("label") == "cluster")
    feed.offer(changed("a", MODIFIED, label="other"), {"label": "other"})
    feed.offer(changed("b", MODIFIED, label="other"), {"label": "cluster"})
    assert [each.name.name for each in await heard(feed) if isinstance(each, Changed)] == ["b"]


async def test_a_waiting_listener_wakes_up_and_a_closed_feed_ends() -> None:
    feed = Feed()

    async def listen() -> list[Change]:
        return [change async for change in feed]

    async with asyncio.timeout(1), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen())
        await asyncio.sleep(0)
        feed.offer(changed("a", ADDED), None)
        await asyncio.sleep(0.01)
        feed.close()
    assert listening.result() == [changed("a", ADDED)]


async def test_who_wants_to_know_hears_that_the_mirror_is_current_again_and_loses_nothing() -> None:
    feed, other = Feed(recoveries=True), Feed()
    for each in (feed, other):
        each.offer(changed("a", ADDED, v=1), None)
        each.recovered()
    assert await heard(feed) == [Resync(), changed("a", ADDED, v=1)]
    assert await heard(other) == [changed("a", ADDED, v=1)]
