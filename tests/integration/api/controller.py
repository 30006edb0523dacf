"""A controller's LiveService over real mutual TLS, whose answers a test decides."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import msgspec

from adapters._pb.tiphys.live.v1 import live_pb2 as pb
from adapters._pb.tiphys.live.v1.live_pb2_grpc import LiveServiceServicer, add_LiveServiceServicer_to_server
from adapters.rpc_access import CallerInterceptor
from adapters.rpc_errors import ErrorInterceptor
from adapters.tls import SERVER_OPTIONS, server_credentials
from gitops.model.errors import NotFound


class ControllerInMemory(LiveServiceServicer):  # type: ignore[misc]  # generated code has no types
    """Trees by application, objects by name, and what it was told."""

    def __init__(self) -> None:
        self.trees: dict[str, dict[str, Any]] = {}
        self.resources: dict[str, list[dict[str, Any]]] = {}
        self.objects: dict[str, dict[str, Any]] = {}
        self.clusters: list[dict[str, Any]] = []
        self.deletions: list[Any] = []
        self.pushes: list[tuple[str, str, str]] = []
        self.watching = 0
        self.changed = asyncio.Condition()

    async def show(self, app: str, tree: dict[str, Any]) -> None:
        async with self.changed:
            self.trees[app] = tree
            self.changed.notify_all()

    async def GetResourceTree(self, request: Any, context: Any) -> Any:
        return pb.GetResourceTreeResponse(tree=msgspec.json.encode(self._tree(request)))

    async def WatchResourceTree(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.watching += 1
        try:
            while True:
                yield pb.WatchResourceTreeResponse(tree=msgspec.json.encode(self._tree(request)))
                async with self.changed:
                    await self.changed.wait()
        finally:
            self.watching -= 1

    async def ListManagedResources(self, request: Any, context: Any) -> Any:
        only = {part: getattr(request.only, part) for part in ("group", "kind", "namespace", "name")}
        items = [
            each
            for each in self.resources.get(request.application.name, [])
            if all(not wanted or each.get(part, "") == wanted for part, wanted in only.items())
        ]
        return pb.ListManagedResourcesResponse(items=msgspec.json.encode(items))

    async def GetLiveObject(self, request: Any, context: Any) -> Any:
        return pb.GetLiveObjectResponse(manifest=msgspec.json.encode(self._object(request)))

    async def DeleteLiveObject(self, request: Any, context: Any) -> Any:
        self.deletions.append(request.object)
        self._object(request)
        del self.objects[request.object.name]
        return pb.DeleteLiveObjectResponse()

    async def ListEvents(self, request: Any, context: Any) -> Any:
        events = {"items": [{"reason": "Started", "involvedObject": {"uid": request.object.uid}}]}
        return pb.ListEventsResponse(events=msgspec.json.encode(events))

    async def NotifyPush(self, request: Any, context: Any) -> Any:
        self.pushes.append((request.repository_url, request.ref, request.revision))
        return pb.NotifyPushResponse()

    async def ListClusterStates(self, request: Any, context: Any) -> Any:
        return pb.ListClusterStatesResponse(states=msgspec.json.encode(self.clusters))

    def _tree(self, request: Any) -> dict[str, Any]:
        tree = self.trees.get(request.application.name)
        if tree is None:
            raise NotFound(f"nothing is known of application {request.application.name} yet")
        return tree

    def _object(self, request: Any) -> dict[str, Any]:
        found = self.objects.get(request.object.name)
        if found is None:
            raise NotFound(f"{request.object.kind} {request.object.name} is not part of the application")
        return found


@asynccontextmanager
async def serving(controller: ControllerInMemory, tls: Path) -> AsyncIterator[str]:
    """Serves until the block ends; yields the address."""
    server = grpc.aio.server(interceptors=[CallerInterceptor(), ErrorInterceptor()], options=SERVER_OPTIONS)
    add_LiveServiceServicer_to_server(controller, server)
    port = server.add_secure_port("127.0.0.1:0", server_credentials(tls / "app_controller"))
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=0)
