"""How a watch goes on after what API servers do to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kube import watch as watching
from adapters.kube.client import KubeClient
from adapters.kube.watch import Broken, Gone, Resumed, Synced, Upsert, complete_lines, watch
from gitops.model.errors import ClusterUnreachable
from gitops.model.repository import Cluster
from gitops.model.resource import ResourceType
from tests.unit.adapters.kube.scripted_server import (
    Answer,
    ScriptedServer,
    failure,
    listed,
    reset,
    scripted_server,
    streamed,
)

CONFIG_MAPS = ResourceType("", "v1", "ConfigMap", "configmaps", namespaced=True)


class QuickClock:
    """Time goes by a second at every look, and pauses take none."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self.slept: list[timedelta] = []

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    async def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)
        await asyncio.sleep(0)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as server:
        yield server


async def told(server: ScriptedServer, *script: Answer, until: int) -> list[str]:
    """The first events of a watch, in short."""
    server.play(*script)
    found: list[str] = []
    async with (
        asyncio.timeout(10),
        KubeClient.for_cluster(Cluster(server.url, "played")) as client,
        aclosing(watch(client, CONFIG_MAPS, clock=QuickClock())) as events,
    ):
        async for event in events:
            found.append(in_short(event))
            if len(found) == until:
                break
    return found


def in_short(event: watching.WatchEvent) -> str:
    match event:
        case Synced(items, version):
            return f"synced {' '.join(item['metadata']['name'] for item in items)} at {version}"
        case Upsert(manifest):
            return f"upsert {manifest['metadata']['name']}"
        case Gone(manifest):
            return f"gone {manifest['metadata']['name']}"
        case Broken(error):
            return f"broken {type(error).__name__}"
        case Resumed():
            return "resumed"
    raise AssertionError(event)


def obj(name: str, version: int) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": name, "resourceVersion": str(version)}}


def status(code: int, reason: str) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": "too old resource version"}


async def test_an_ended_watch_goes_on_from_where_it_was(server: ScriptedServer) -> None:
    found = await told(
        server,
        listed("a", version="10"),
        streamed(("ADDED", obj("b", 11)), ("BOOKMARK", {"metadata": {"resourceVersion": "20"}})),
        streamed(("MODIFIED", obj("b", 21)), ("DELETED", obj("a", 22))),
        streamed(held_open=True),
        until=4,
    )
    assert found == ["synced a at 10", "upsert b", "upsert b", "gone a"]
    assert "resourceVersion=10&" in server.calls[1]
    assert "resourceVersion=20&" in server.calls[2], "the bookmark moved the place to go on from"


@pytest.mark.parametrize("gone", [streamed(("ERROR", status(410, "Expired"))), failure(410, "Expired")])
async def test_a_version_that_the_server_forgot_means_a_new_list(server: ScriptedServer, gone: Answer) -> None:
    found = await told(
        server, listed("a", version="10"), gone, listed("b", version="30"), streamed(held_open=True), until=2
    )
    assert found == ["synced a at 10", "synced b at 30"]


async def test_a_broken_connection_is_told_and_so_is_its_end(server: ScriptedServer) -> None:
    found = await told(
        server,
        listed("a"),
        streamed(("ADDED", obj("b", 11))),
        reset,
        reset,  # the first one is taken for a kept connection that had just ended
        streamed(("ADDED", obj("c", 12)), held_open=True),
        until=5,
    )
    assert found == ["synced a at 10", "upsert b", "broken ClusterUnreachable", "resumed", "upsert c"]


async def test_a_failing_list_is_tried_until_it_succeeds(server: ScriptedServer) -> None:
    found = await told(
        server,
        failure(403, "Forbidden"),
        failure(500, "InternalError"),
        listed("a"),
        streamed(held_open=True),
        until=3,
    )
    assert found == ["broken ClusterRefused", "broken ClusterRefused", "synced a at 10"]


async def test_any_other_error_event_is_told(server: ScriptedServer) -> None:
    found = await told(
        server, listed(), streamed(("ERROR", status(500, "InternalError"))), streamed(held_open=True), until=3
    )
    assert found == ["synced  at 10", "broken ClusterRefused", "resumed"]


async def test_a_line_that_is_no_event_does_not_end_the_watch(server: ScriptedServer) -> None:
    found = await told(server, listed(), streamed(("ADDED", None)), streamed(held_open=True), until=3)
    assert found == ["synced  at 10", "broken ClusterUnreachable", "resumed"]


async def test_events_survive_any_cut(server: ScriptedServer) -> None:
    events = [("ADDED", obj(f"n{number}", 11 + number)) for number in range(20)]
    found = await told(server, listed(), streamed(*events, cut=7), streamed(held_open=True), until=21)
    assert found[1:] == [f"upsert n{number}" for number in range(20)]


async def test_pauses_grow_while_nothing_works(server: ScriptedServer) -> None:
    clock = QuickClock()
    server.play(failure(500, "InternalError"))
    async with (
        KubeClient.for_cluster(Cluster(server.url, "played")) as client,
        aclosing(watch(client, CONFIG_MAPS, clock=clock)) as events,
    ):
        broken = [event async for event in _first(events, 8)]
    assert len({event.since for event in broken if isinstance(event, Broken)}) == 1
    seconds = [pause.total_seconds() for pause in clock.slept]
    assert seconds[0] < 0.3
    assert 5.0 < seconds[-1] < 14.0


async def test_a_server_without_a_sign_of_life_is_noticed(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "QUIET_SECONDS", 0.05)
    monkeypatch.setattr("adapters.kube.client.PROBE_DEADLINE", timedelta(milliseconds=50))
    found = await told(server, listed("a"), streamed(held_open=True), streamed(held_open=True), until=2)
    assert found == ["synced a at 10", "broken ClusterUnreachable"]
    assert server.calls[2] == "GET /version"


async def test_a_connection_without_a_word_is_opened_anew_without_fuss(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "QUIET_SECONDS", 0.02)
    monkeypatch.setattr(watching, "SILENCE_SECONDS", 0.05)
    alive = failure(403, "Forbidden")  # a no is a sign of life, too
    found = await told(
        server,
        listed("a"),
        streamed(held_open=True),
        alive,
        alive,
        alive,
        streamed(("ADDED", obj("b", 11)), held_open=True),
        until=2,
    )
    assert found == ["synced a at 10", "upsert b"]


async def _first(events: AsyncIterator[watching.WatchEvent], count: int) -> AsyncIterator[watching.WatchEvent]:
    left = count
    async for event in events:
        yield event
        left -= 1
        if not left:
            return


@given(st.lists(st.binary(min_size=1).map(lambda line: line.replace(b"\n", b"."))), st.lists(st.integers(1, 9)))
def test_lines_come_out_whole_however_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    text = b"".join(line + b"\n" for line in lines)
    pending: list[bytes] = []
    found: list[bytes] = []
    for size in [*cuts, len(text) or 1]:
        piece, text = text[:size], text[size:]
        if piece:
            found.extend(complete_lines(pending, piece))
    assert found == lines
    assert not pending


async def test_an_unreachable_server_is_told() -> None:
    async with (
        KubeClient.for_cluster(Cluster("http://127.0.0.1:9", "far")) as client,
        aclosing(watch(client, CONFIG_MAPS, clock=QuickClock())) as events,
    ):
        event = await anext(events)
    assert isinstance(event, Broken)
    assert isinstance(event.error, ClusterUnreachable)
