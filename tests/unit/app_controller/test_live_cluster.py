"""How well we see a cluster: one kind's trouble is not the cluster's, an outage is no absence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from adapters.clock import SystemClock
from adapters.kube.client import KubeClient
from adapters.kube.discovery import Discovery
from adapters.kube.watch import Broken, Synced, Upsert, WatchEvent
from app_controller.live import cluster as module
from app_controller.live.cluster import LiveCluster
from app_controller.live.clusters import Clusters
from app_controller.live.reachability import Watchfulness
from gitops.manifest.tracking import Tracking
from gitops.model.errors import ClusterError, ClusterRefused, ClusterUnreachable
from gitops.model.repository import Cluster, ClusterCredentials
from gitops.model.resource import GroupKind, Manifest, ResourceKey, ResourceType

DEV = Cluster("https://dev", "dev")
VERBS = frozenset({"list", "watch"})
CONFIG_MAP = ResourceType("", "v1", "ConfigMap", "configmaps", True, VERBS)
WIDGET = ResourceType("example.com", "v1", "Widget", "widgets", True, VERBS)
CLOCK = SystemClock()


class Silence:
    def managed_object_changed(self, *_: Any) -> None: ...

    def object_changed(self, *_: Any) -> None: ...


class Server:
    """What the API server says, and what its watches tell."""

    def __init__(self) -> None:
        self.found = Discovery((CONFIG_MAP, WIDGET))
        self.alive = True
        self.failure: Exception | None = None
        self.watches: dict[str, asyncio.Queue[WatchEvent]] = {}
        self.whole: list[str] = []

    async def version(self) -> str:
        if self.failure is not None:
            raise self.failure
        return "v1.34.4"

    async def discovery(self) -> Discovery:
        return self.found

    async def is_alive(self, within: float) -> bool:
        return self.alive

    async def silence(self, within: float) -> ClusterUnreachable | None:
        return None if self.alive else ClusterUnreachable("get /version: did not answer in time")

    async def aclose(self) -> None: ...

    def tell(self, kind: str, event: WatchEvent) -> None:
        self.watches[kind].put_nowait(event)

    async def watch(self, _: Any, type: ResourceType, *, metadata_only: bool, **__: Any) -> AsyncIterator[WatchEvent]:
        if not metadata_only:
            self.whole.append(type.kind)
        events = self.watches[type.kind] = asyncio.Queue()
        yield Synced([], "10")
        while True:
            yield await events.get()


class Seen:
    def __init__(self, live: LiveCluster, server: Server, changes: list[str]) -> None:
        self.live, self.server, self.changes = live, server, changes

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    def config_maps(self) -> list[Manifest]:
        return list(self.live.mirror.of_kind(CONFIG_MAP.group_kind))


@pytest.fixture
async def seen(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Seen]:
    server, changes = Server(), list[str]()
    monkeypatch.setattr(module, "watch", server.watch)
    async with serving(server, changes) as live:
        yield Seen(live, server, changes)


@asynccontextmanager
async def serving(
    server: Server, changes: list[str], *, grace: timedelta = timedelta(milliseconds=30)
) -> AsyncIterator[LiveCluster]:
    live = LiveCluster(
        DEV,
        server,  # type: ignore[arg-type]
        owner=Tracking().owner_of,
        sink=Silence(),
        excluded=lambda *_: False,
        clock=CLOCK,
        state_changed=lambda cluster: changes.append(cluster.name),
        watchfulness=Watchfulness(every=timedelta(milliseconds=10), grace=grace),
    )
    task = asyncio.ensure_future(live.serve())
    with suppress(ClusterUnreachable):
        await live.ready()
    yield live
    task.cancel()
    await asyncio.wait({task})


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def broken(error: Exception) -> Broken:
    return Broken(error, CLOCK.now())  # type: ignore[arg-type]


async def test_a_kind_that_is_silent_while_the_cluster_answers_concerns_who_uses_it(seen: Seen) -> None:
    await seen.live.ready({WIDGET.group_kind})
    seen.server.tell("Widget", broken(ClusterUnreachable("list Widget: did not answer in time")))
    await asyncio.sleep(0.05)
    await seen.live.ready({CONFIG_MAP.group_kind})
    with pytest.raises(ClusterError, match="though the cluster itself answers"):
        await seen.live.ready({WIDGET.group_kind})
    assert seen.live.reachability.error is None
    assert not seen.live.sees(WIDGET.group_kind)
    await until(lambda: seen.changes)  # who uses it looks again when it is no passing trouble
    seen.server.tell("Widget", Synced([], "11"))
    await seen.settle()
    await seen.live.ready({WIDGET.group_kind})


async def test_a_cluster_that_does_not_answer_is_unreachable_for_all(seen: Seen) -> None:
    seen.server.alive = False
    seen.server.tell("ConfigMap", broken(ClusterUnreachable("watch ConfigMap: gone silent")))
    await asyncio.sleep(0.05)
    with pytest.raises(ClusterUnreachable, match="does not answer"):
        await seen.live.ready()
    await until(lambda: seen.changes)
    seen.server.alive = True
    seen.server.tell("ConfigMap", Synced([], "12"))
    await until(lambda: len(seen.changes) >= 2)
    await seen.live.ready()


async def test_credentials_that_are_not_accepted_are_the_clusters_trouble(seen: Seen) -> None:
    seen.server.tell("ConfigMap", broken(ClusterRefused("watch ConfigMap: Unauthorized", status=401)))
    await asyncio.sleep(0.05)
    with pytest.raises(ClusterUnreachable, match="Unauthorized"):
        await seen.live.ready()


async def test_a_passing_trouble_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    server, changes = Server(), list[str]()
    monkeypatch.setattr(module, "watch", server.watch)
    async with serving(server, changes, grace=timedelta(minutes=1)) as live:
        changes.clear()
        server.tell("ConfigMap", broken(ClusterRefused("watch ConfigMap: try later", status=500)))
        await asyncio.sleep(0.02)
        await live.ready({CONFIG_MAP.group_kind})
        server.alive = False
        server.tell("Widget", broken(ClusterUnreachable("watch Widget: broke the connection")))
        await until(lambda: live.reachability.error is not None)
        await live.ready({CONFIG_MAP.group_kind, WIDGET.group_kind})
        server.alive = True
        await until(lambda: live.reachability.error is None)


async def test_a_silent_cluster_is_noticed_though_its_watches_say_nothing(seen: Seen) -> None:
    seen.server.alive = False
    await until(lambda: seen.changes)
    with pytest.raises(ClusterUnreachable, match="does not answer since 20"):
        await seen.live.ready()
    seen.server.alive = True
    await until(lambda: len(seen.changes) >= 2)
    await seen.live.ready()


async def test_an_answer_to_a_probe_does_not_open_what_we_are_not_let_into(seen: Seen) -> None:
    seen.server.tell("ConfigMap", broken(ClusterRefused("watch ConfigMap: Unauthorized", status=401)))
    await asyncio.sleep(0.2)
    with pytest.raises(ClusterUnreachable, match="Unauthorized"):
        await seen.live.ready()


async def test_a_group_whose_own_server_is_down_keeps_its_kinds_and_objects(seen: Seen) -> None:
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "shop", "uid": "w", "resourceVersion": "11"},
    }
    seen.server.tell("Widget", Upsert(widget))
    await seen.settle()
    seen.server.found = Discovery((CONFIG_MAP,), frozenset({"example.com/v1"}))
    await seen.live.rediscover()
    assert seen.live.serves(WIDGET.group_kind)
    assert seen.live.mirror.get(ResourceKey("example.com", "Widget", "shop", "w")) is not None
    seen.server.found = Discovery((CONFIG_MAP,))
    await seen.live.rediscover()
    assert not seen.live.serves(WIDGET.group_kind)
    assert seen.live.mirror.get(ResourceKey("example.com", "Widget", "shop", "w")) is None


async def test_a_kind_wanted_before_it_is_served_is_held_whole_from_its_beginning(seen: Seen) -> None:
    gadget = ResourceType("example.com", "v1", "Gadget", "gadgets", True, VERBS)
    await seen.live.ready({GroupKind("example.com", "Gadget")})
    seen.server.found = Discovery((CONFIG_MAP, WIDGET, gadget))
    await seen.live.rediscover()
    await seen.live.ready()
    assert "Gadget" in seen.server.whole


@pytest.mark.parametrize("failure", [ClusterRefused("no", status=403), AttributeError("no dict")])
async def test_discovery_that_cannot_be_read_makes_the_cluster_unreachable_and_nothing_else(
    failure: Exception,
) -> None:
    server, changes = Server(), list[str]()
    server.failure = failure
    async with serving(server, changes, grace=timedelta(0)) as live:
        await asyncio.sleep(0.05)
        with pytest.raises(ClusterUnreachable):
            await live.ready()


async def test_a_closed_view_says_so(seen: Seen) -> None:
    assert seen.live.sees(CONFIG_MAP.group_kind)
    seen.live.closed = True
    assert not seen.live.sees(CONFIG_MAP.group_kind)
    with pytest.raises(ClusterUnreachable, match="opened anew"):
        await seen.live.ready()


async def test_other_credentials_open_a_cluster_anew_and_another_name_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server()
    monkeypatch.setattr(module, "watch", server.watch)
    monkeypatch.setattr(KubeClient, "for_cluster", lambda *_, **__: server)
    known = [DEV]
    clusters = Clusters(
        registered=lambda: known,
        owner=Tracking().owner_of,
        sink=Silence(),
        excluded=lambda *_: False,
        clock=CLOCK,
        state_changed=lambda _: None,
    )
    task = asyncio.ensure_future(clusters.serve())
    await asyncio.sleep(0)
    first = clusters.use(DEV)
    renamed = clusters.use(Cluster("https://dev", "development", labels={"tier": "1"}))
    assert renamed is first
    assert first.cluster.name == "development"
    rotated = clusters.use(Cluster("https://dev", "dev", ClusterCredentials(bearer_token="new")))
    assert rotated is not first
    await asyncio.sleep(0.05)
    assert first.closed
    known.clear()
    clusters.close_unregistered()
    await asyncio.sleep(0.05)
    assert rotated.closed
    assert clusters.opened("https://dev") is None
    task.cancel()
    await asyncio.wait({task})
