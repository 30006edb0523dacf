"""The controller as the API server sees it: trees, diffs, live objects and cluster states, as JSON bytes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import grpc

from adapters._pb.tiphys.live.v1 import live_pb2 as pb
from adapters._pb.tiphys.live.v1.live_pb2_grpc import LiveServiceStub
from adapters.rpc_errors import error_of
from adapters.tls import channel_credentials, channel_options
from gitops.model.application import AppName
from gitops.model.errors import GitOpsError
from gitops.model.resource import Manifest, ResourceKey, key_of, uid_of, version_of

SERVER_NAME = "app-controller"
DEADLINE = timedelta(seconds=15)
ANY = ResourceKey("", "", "", "")
NOTICE_DEADLINE = timedelta(seconds=3)  # a webhook's sender waits for it


class ControllerUnavailable(GitOpsError):
    """The controller cannot be asked just now; what the Application's status says still holds."""

    reason = "ControllerUnavailable"


class LiveClient:
    """One channel to the controller; safe to share between tasks."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = LiveServiceStub(channel)

    @classmethod
    @asynccontextmanager
    async def connect(cls, address: str, tls_dir: Path) -> AsyncIterator[Self]:
        options = channel_options(SERVER_NAME)
        async with grpc.aio.secure_channel(address, channel_credentials(tls_dir), options=options) as channel:
            yield cls(channel)

    async def resource_tree(self, app: AppName) -> bytes:
        """The ApplicationTree as JSON."""
        request = pb.GetResourceTreeRequest(application=_app(app))
        return bytes((await _called(self._stub.GetResourceTree, request)).tree)

    async def watch_resource_tree(self, app: AppName) -> AsyncIterator[bytes]:
        """The tree as it is, then again whenever it changed; ends with an error when the controller goes away."""
        call = self._stub.WatchResourceTree(pb.WatchResourceTreeRequest(application=_app(app)))
        try:
            async for answer in call:
                yield answer.tree
        except grpc.aio.AioRpcError as failure:
            raise _translated(failure) from failure
        finally:
            call.cancel()

    async def managed_resources(self, app: AppName, only: ResourceKey = ANY) -> bytes:
        """A JSON array of ResourceDiff, of the objects that `only` names; what it leaves empty is any."""
        request = pb.ListManagedResourcesRequest(application=_app(app), only=_object(only, ""))
        return bytes((await _called(self._stub.ListManagedResources, request)).items)

    async def live_object(self, app: AppName, key: ResourceKey, *, version: str = "") -> bytes:
        request = pb.GetLiveObjectRequest(application=_app(app), object=_object(key, version))
        return bytes((await _called(self._stub.GetLiveObject, request)).manifest)

    async def delete_live_object(
        self, app: AppName, manifest: Manifest, *, force: bool = False, orphan: bool = False
    ) -> None:
        """Deletes the very object that `live_object` has shown."""
        found = _object(key_of(manifest), version_of(manifest), uid_of(manifest))
        request = pb.DeleteLiveObjectRequest(application=_app(app), object=found, force=force, orphan=orphan)
        await _called(self._stub.DeleteLiveObject, request)

    async def events(self, app: AppName, key: ResourceKey, *, uid: str = "") -> bytes:
        """The Kubernetes events about one live object: a core/v1 EventList as JSON."""
        request = pb.ListEventsRequest(application=_app(app), object=_object(key, "", uid))
        return bytes((await _called(self._stub.ListEvents, request)).events)

    async def notify_push(self, repository_url: str, *, ref: str = "", revision: str = "") -> None:
        """Tells of a push; `ref` is a short branch or tag name, empty for any, and `revision` only a hint."""
        request = pb.NotifyPushRequest(repository_url=repository_url, ref=ref, revision=revision)
        await _called(self._stub.NotifyPush, request, NOTICE_DEADLINE)

    async def cluster_states(self) -> bytes:
        """A JSON array with the connection, version and size of every watched cluster."""
        return bytes((await _called(self._stub.ListClusterStates, pb.ListClusterStatesRequest())).states)


async def _called(method: Any, request: Any, deadline: timedelta = DEADLINE) -> Any:
    try:
        return await method(request, timeout=deadline.total_seconds())
    except grpc.aio.AioRpcError as failure:
        raise _translated(failure) from failure


def _translated(failure: grpc.aio.AioRpcError) -> GitOpsError:
    return error_of(failure, service="application controller", unavailable=ControllerUnavailable)


def _app(name: AppName) -> pb.ApplicationRef:
    return pb.ApplicationRef(namespace=name.namespace, name=name.name)


def _object(key: ResourceKey, version: str, uid: str = "") -> pb.ObjectRef:
    return pb.ObjectRef(
        group=key.group, version=version, kind=key.kind, namespace=key.namespace, name=key.name, uid=uid
    )
