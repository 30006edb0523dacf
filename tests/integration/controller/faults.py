"""What tests do to a controller: end it at a certain write, put a faulty network in front of a cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from adapters.clock import SystemClock
from adapters.kube.client import KubeClient
from adapters.kube.requests import Request
from adapters.kube.transport import DEADLINE, Transport
from adapters.kube.watch import Synced, Upsert, watch
from adapters.store.clusters import secret_of
from gitops.model.repository import Cluster
from gitops.model.resource import ResourceType

JOBS = ResourceType("batch", "v1", "Job", "jobs", namespaced=True)


class CrashPoint:
    """After the write of this number has taken place nobody hears its answer any more, nor makes another."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self.reached = asyncio.Event()
        self.writes: list[str] = []
        send = Transport.send

        async def counted(transport: Transport, request: Request, *, deadline: timedelta = DEADLINE) -> bytes:
            if not _is_write(request):
                return await send(transport, request, deadline=deadline)
            if self.reached.is_set():
                await asyncio.Event().wait()
            self.writes.append(request.subject)
            last = len(self.writes) == after
            if last:
                self.reached.set()
            answer = await send(transport, request, deadline=deadline)
            if last:
                await asyncio.Event().wait()
            return answer

        self._patch = monkeypatch
        monkeypatch.setattr(Transport, "send", counted)

    def lift(self) -> None:
        self._patch.undo()


def _is_write(request: Request) -> bool:
    return request.method != "GET" and "dryRun" not in request.query and request.kind != "Event"


class Births:
    """Every object of a kind that ever existed in a namespace, by name."""

    def __init__(self) -> None:
        self.uids: dict[str, set[str]] = {}

    async def follow(self, client: KubeClient, type: ResourceType, namespace: str, ready: asyncio.Event) -> None:
        async for event in watch(client, type, namespace=namespace, clock=SystemClock()):
            found: list[Any] = []
            match event:
                case Synced(items, _):
                    found = items
                case Upsert(manifest):
                    found = [manifest]
            for each in found:
                self.uids.setdefault(each["metadata"]["name"], set()).add(each["metadata"]["uid"])
            ready.set()


@asynccontextmanager
async def births(client: KubeClient, namespace: str, type: ResourceType = JOBS) -> AsyncIterator[Births]:
    seen, ready = Births(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(seen.follow(client, type, namespace, ready))
        await ready.wait()
        yield seen
        following.cancel()


class Network:
    """A way to an API server that can be cut, or swallow everything that is sent through it."""

    def __init__(self, target: Cluster) -> None:
        address = urlsplit(target.credentials.address or target.server)
        self._target = (address.hostname or "", address.port or 443)
        self._cluster = target
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for each in tuple(self._open):
            each.transport.abort()

    def swallow(self) -> None:
        self._flows.clear()

    def heal(self) -> None:
        self._flows.set()

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def registration(self, namespace: str, *, name: str, **credentials: Any) -> dict[str, Any]:
        """The cluster Secret by which the cluster is reached through this network."""
        known = msgspec.structs.replace(
            self._cluster.credentials, address="", insecure=True, ca_data=b"", **credentials
        )
        return dict(secret_of(Cluster(self.server, name, known), namespace))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection(*self._target)
            self._open.add(there_writer)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._carry(reader, there_writer))
                    tasks.create_task(self._carry(there_reader, writer))
            finally:
                there_writer.transport.abort()
                self._open.discard(there_writer)
        except (OSError, ExceptionGroup):
            pass
        finally:
            writer.transport.abort()
            self._open.discard(writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()
