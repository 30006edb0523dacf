"""Watches against a real API server, also while it is stopped, killed and started again."""

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from adapters.clock import SystemClock
from adapters.kube.client import KubeClient
from adapters.kube.credentials import cluster_from_kubeconfig
from adapters.kube.watch import Broken, Gone, Resumed, Synced, Upsert, WatchEvent, watch
from gitops.model.errors import ClusterUnreachable, KindNotServed
from gitops.model.resource import ResourceType, name_of
from tests.fixtures.control_plane import ControlPlane, freeze, started_control_plane
from tests.fixtures.session import shared_folder

pytestmark = pytest.mark.integration

CONFIG_MAPS = ResourceType("", "v1", "ConfigMap", "configmaps", namespaced=True)
Event = TypeVar("Event")


def labelled(namespace: str, name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": {"tested": "yes"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def followed(client: KubeClient, namespace: str, **options: Any) -> Any:
    events = watch(
        client, CONFIG_MAPS, namespace=namespace, label_selector="tested=yes", clock=SystemClock(), **options
    )
    return aclosing(events)


async def following(events: AsyncIterator[WatchEvent], kind: type[Event], within: float = 20.0) -> Event:
    """The next event of a kind; others before it are passed over."""
    async with asyncio.timeout(within):
        async for event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError("a watch never ends by itself")


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[KubeClient]:
    async with KubeClient.for_cluster(cluster_from_kubeconfig(control_plane.kubeconfig)) as client:
        yield client


async def test_first_everything_then_every_change(client: KubeClient, fresh_namespace: str) -> None:
    await client.create(CONFIG_MAPS, labelled(fresh_namespace, "first"))
    async with followed(client, fresh_namespace) as events:
        synced = await following(events, Synced)
        assert [name_of(item) for item in synced.items] == ["first"]
        await client.create(CONFIG_MAPS, labelled(fresh_namespace, "second"))
        created = await following(events, Upsert)
        assert (created.manifest["kind"], name_of(created.manifest)) == ("ConfigMap", "second")
        await client.delete(CONFIG_MAPS, fresh_namespace, "first")
        assert name_of((await following(events, Gone)).manifest) == "first"


async def test_a_watch_of_metadata_carries_no_data_and_the_real_kind(client: KubeClient, fresh_namespace: str) -> None:
    async with followed(client, fresh_namespace, metadata_only=True) as events:
        await following(events, Synced)
        await client.create(CONFIG_MAPS, labelled(fresh_namespace, "slim", colour="blue"))
        manifest = (await following(events, Upsert)).manifest
        assert "data" not in manifest
        assert (manifest["apiVersion"], manifest["kind"]) == ("v1", "ConfigMap")


async def test_objects_are_transformed_before_they_are_told(client: KubeClient, fresh_namespace: str) -> None:
    await client.create(CONFIG_MAPS, labelled(fresh_namespace, "first"))
    async with followed(client, fresh_namespace, transform=lambda manifest: {"only": name_of(manifest)}) as events:
        assert (await following(events, Synced)).items == [{"only": "first"}]
        await client.create(CONFIG_MAPS, labelled(fresh_namespace, "second"))
        assert (await following(events, Upsert)).manifest == {"only": "second"}


async def test_an_object_larger_than_any_buffer_arrives_whole(client: KubeClient, fresh_namespace: str) -> None:
    async with followed(client, fresh_namespace) as events:
        await following(events, Synced)
        await client.create(CONFIG_MAPS, labelled(fresh_namespace, "large", text="é" * 450_000))
        assert (await following(events, Upsert)).manifest["data"]["text"] == "é" * 450_000


async def test_a_kind_that_is_not_served_is_told_again_and_again(client: KubeClient, fresh_namespace: str) -> None:
    widgets = ResourceType("example.com", "v1", "Widget", "widgets", namespaced=True)
    async with aclosing(watch(client, widgets, namespace=fresh_namespace, clock=SystemClock())) as events:
        first = await following(events, Broken)
        second = await following(events, Broken)
    assert isinstance(first.error, KindNotServed)
    assert second.since == first.since


async def test_one_client_carries_a_hundred_watches_at_a_time(client: KubeClient, fresh_namespace: str) -> None:
    async def one() -> str:
        async with followed(client, fresh_namespace) as events:
            synced = await following(events, Synced)
            started.append(synced.resource_version)
            return name_of((await following(events, Upsert)).manifest)

    started: list[str] = []
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        watches = [tasks.create_task(one()) for _ in range(100)]
        while len(started) < 100:
            await asyncio.sleep(0.05)
        await client.create(CONFIG_MAPS, labelled(fresh_namespace, "seen-by-all"))
    assert {each.result() for each in watches} == {"seen-by-all"}


# --- faults: on a control plane of their own, one test at a time -----------------------------------------


class ApiServer:
    """The API server process of a control plane, to be stopped and started."""

    def __init__(self, plane: ControlPlane, pid_file: Path) -> None:
        self.plane = plane
        self._pid_file = pid_file

    @property
    def pid(self) -> int:
        return int(self._pid_file.read_text())

    def kill(self) -> list[str]:
        """Returns the command to start it again with."""
        command = Path(f"/proc/{self.pid}/cmdline").read_text().split("\0")[:-1]
        os.kill(self.pid, signal.SIGKILL)
        return command

    def start(self, command: list[str]) -> None:
        started = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._pid_file.write_text(str(started.pid))
        started.returncode = 0  # it lives on after us: the session's end stops it by its pid file
        self.wait_ready()

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if "ok" in self.plane.kubectl("get", "--raw", "/readyz", check=False):
                return
            time.sleep(0.2)
        raise AssertionError("the API server does not come back")


@pytest.fixture
def api_server(tool_binaries: dict[str, Path]) -> Iterator[ApiServer]:
    folder = shared_folder()
    with (folder / "faults.turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        plane = started_control_plane("faults", tool_binaries)
        server = ApiServer(plane, folder / "clusters/faults/clusters/faults/pids/kube-apiserver.pid")
        plane.kubectl("delete", "configmap", "-l", "tested=yes", "-n", "default")
        yield server
        server.wait_ready()


@pytest.fixture
async def faulty(api_server: ApiServer) -> AsyncIterator[KubeClient]:
    async with KubeClient.for_cluster(cluster_from_kubeconfig(api_server.plane.kubeconfig)) as client:
        yield client


async def test_a_killed_api_server_is_told_at_once_and_nothing_is_missed(
    faulty: KubeClient, api_server: ApiServer
) -> None:
    async with followed(faulty, "default") as events:
        await following(events, Synced)
        command = api_server.kill()
        broken = await following(events, Broken, within=2.0)
        assert isinstance(broken.error, ClusterUnreachable)
        await asyncio.to_thread(api_server.start, command)
        await asyncio.to_thread(
            api_server.plane.kubectl, "apply", "-f", "-", stdin=json.dumps(labelled("default", "meanwhile"))
        )
        names: set[str] = set()
        back = False
        async with asyncio.timeout(30):
            async for event in events:
                back = back or isinstance(event, Resumed | Synced)
                names |= _names(event)
                if "meanwhile" in names:
                    break
        assert back, "the watch must say that it is current again"


async def test_a_stopped_api_server_is_noticed_within_ten_seconds(faulty: KubeClient, api_server: ApiServer) -> None:
    async with followed(faulty, "default") as events:
        await following(events, Synced)
        await faulty.create(CONFIG_MAPS, labelled("default", "before-the-pause"))
        await following(events, Upsert)
        freeze(api_server.pid)
        try:
            stopped_at = time.monotonic()
            broken = await following(events, Broken, within=15.0)
            assert time.monotonic() - stopped_at < 10.0
            assert "silent" in str(broken.error)
        finally:
            os.kill(api_server.pid, signal.SIGCONT)
        await following(events, Resumed, within=20.0)
        await faulty.create(CONFIG_MAPS, labelled("default", "after-the-pause"))
        assert name_of((await following(events, Upsert)).manifest) == "after-the-pause"


async def test_a_stopped_api_server_shows_no_sign_of_life_until_it_goes_on(
    faulty: KubeClient, api_server: ApiServer
) -> None:
    await faulty.version()
    freeze(api_server.pid)
    try:
        assert not await faulty.is_alive(within=0.0)
    finally:
        os.kill(api_server.pid, signal.SIGCONT)
    assert await faulty.is_alive(within=0.0)


def _names(event: WatchEvent) -> set[str]:
    match event:
        case Synced(items):
            return {name_of(item) for item in items}
        case Upsert(manifest):
            return {name_of(manifest)}
    return set()
