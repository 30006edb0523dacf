"""The gRPC edge: trees, diffs and events of the applications someone looks at, drawn on demand."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import orjson

from adapters._pb.tiphys.live.v1 import live_pb2 as pb
from adapters._pb.tiphys.live.v1.live_pb2_grpc import LiveServiceServicer, add_LiveServiceServicer_to_server
from adapters.kube.requests import Propagation
from adapters.store.store import Store
from app_controller.live.cluster import LiveCluster
from app_controller.live.clusters import Clusters
from app_controller.live.reachability import Reachability
from app_controller.reconcile.examination import tracking_of
from app_controller.reconcile.views import Views
from app_controller.revisions import Revisions
from app_controller.sight import Sight, current
from gitops.compare import ObjectComparison
from gitops.diff.render import masked, masked_one
from gitops.health.assess import assess
from gitops.manifest.tracking import app_instance_name
from gitops.model.application import AppName
from gitops.model.errors import InvalidRequest, NotFound, NotPermitted
from gitops.model.moments import rfc3339
from gitops.model.repository import Cluster
from gitops.model.resource import (
    Manifest,
    ResourceKey,
    ResourceType,
    key_of,
    name_of,
    namespace_of,
    resource_version_of,
    uid_of,
    version_of,
)
from gitops.tree.ownership import application_tree

Context = Any  # grpc.aio.ServicerContext, generic in its stubs only


class LiveService(LiveServiceServicer):  # type: ignore[misc]  # generated code is untyped
    def __init__(self, store: Store, clusters: Clusters, views: Views, revisions: Revisions) -> None:
        self._store = store
        self._clusters = clusters
        self._views = views
        self._revisions = revisions

    # --- trees and diffs --------------------------------------------------------------------------------

    async def GetResourceTree(self, request: pb.GetResourceTreeRequest, context: Context) -> pb.GetResourceTreeResponse:
        return pb.GetResourceTreeResponse(tree=self._tree(_name(request.application)))

    async def WatchResourceTree(
        self, request: pb.WatchResourceTreeRequest, context: Context
    ) -> AsyncGenerator[pb.WatchResourceTreeResponse, None]:
        name = _name(request.application)
        last = b""
        async with aclosing(self._views.changes(name)) as changes:
            async for _ in changes:
                tree = self._tree(name)
                if tree != last:
                    last = tree
                    yield pb.WatchResourceTreeResponse(tree=tree)

    async def ListManagedResources(
        self, request: pb.ListManagedResourcesRequest, context: Context
    ) -> pb.ListManagedResourcesResponse:
        name = _name(request.application)
        view = self._views.get(name)
        if view is None:
            return pb.ListManagedResourcesResponse(items=b"[]")
        hidden = frozenset(self._store.settings().sensitive_annotations)
        asked = [each for each in view.comparison.objects if each.code and _is_asked_for(each.key, request.only)]
        seen = self._sight(name, view.live).managed(asked)
        return pb.ListManagedResourcesResponse(items=orjson.dumps([_resource_diff(each, hidden) for each in seen]))

    # --- single objects -----------------------------------------------------------------------------------

    async def GetLiveObject(self, request: pb.GetLiveObjectRequest, context: Context) -> pb.GetLiveObjectResponse:
        _, _, manifest = await self._found(request.application, request.object)
        hidden = frozenset(self._store.settings().sensitive_annotations)
        return pb.GetLiveObjectResponse(manifest=orjson.dumps(masked_one(manifest, hidden)))

    async def DeleteLiveObject(
        self, request: pb.DeleteLiveObjectRequest, context: Context
    ) -> pb.DeleteLiveObjectResponse:
        live, type, manifest = await self._found(request.application, request.object)
        propagation: Propagation = "Orphan" if request.orphan else "Background" if request.force else "Foreground"
        await live.client.delete(
            type,
            namespace_of(manifest),
            name_of(manifest),
            propagation=propagation,
            uid=uid_of(manifest),
            grace_seconds=0 if request.force else None,
        )
        return pb.DeleteLiveObjectResponse()

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        live, _, manifest = await self._found(request.application, self._named(request))
        namespace = quote(namespace_of(manifest) or "default", safe="")
        selector = quote(f"involvedObject.uid={uid_of(manifest)}", safe="")
        listing = await live.client.raw_get(f"/api/v1/namespaces/{namespace}/events?fieldSelector={selector}&limit=500")
        return pb.ListEventsResponse(events=listing)

    # --- the rest -----------------------------------------------------------------------------------------

    async def NotifyPush(self, request: pb.NotifyPushRequest, context: Context) -> pb.NotifyPushResponse:
        self._revisions.announce(request.repository_url)
        return pb.NotifyPushResponse()

    async def ListClusterStates(
        self, request: pb.ListClusterStatesRequest, context: Context
    ) -> pb.ListClusterStatesResponse:
        return pb.ListClusterStatesResponse(
            states=orjson.dumps(
                [self._state(each, self._clusters.opened(each.server)) for each in self._store.clusters.all()]
            )
        )

    # --- inside -------------------------------------------------------------------------------------------

    def _tree(self, name: AppName) -> bytes:
        view = self._views.get(name)
        if view is None:
            return orjson.dumps({"nodes": [], "orphanedNodes": [], "hosts": []})
        sight = self._sight(name, view.live)
        return orjson.dumps(application_tree(list(sight.managed(current(view))), sight.below(), assess))

    def _sight(self, name: AppName, live: LiveCluster) -> Sight:
        application = self._store.applications.get(name)
        return Sight(
            self._store.projects.get(application.spec.project) if application is not None else None,
            live,
            instance=app_instance_name(name, self._store.namespace),
            tracking=tracking_of(self._store.settings()),
        )

    async def _found(self, app: pb.ApplicationRef, asked: pb.ObjectRef) -> tuple[LiveCluster, ResourceType, Manifest]:
        """A live object of an application, as its cluster has it now and under no other name than its own.

        What the application does not hold, or its project does not permit, answers as if there were none.
        """
        name = _name(app)
        live = self._destination(name)
        key = ResourceKey(asked.group, asked.kind, asked.namespace, asked.name)
        type = live.type_of(asked.group, asked.version, asked.kind)
        if type.namespaced != bool(key.namespace):
            scope = "namespaced: name its namespace" if type.namespaced else "cluster-scoped: name no namespace"
            raise InvalidRequest(f"{key.group_kind} is {scope}")
        manifest = await live.client.get(type, key.namespace, key.name)
        sight, declared = self._sight(name, live), key in self._desired_keys(name)
        if manifest is None and declared and not sight.refusal(key):
            raise NotFound(f"{key} does not exist in cluster {live.cluster.name}")
        if manifest is None or key_of(manifest) != key or not sight.shows(manifest, declared=declared):
            raise NotPermitted(f"{key} is not part of application {name}, or its project does not permit it")
        if asked.uid and asked.uid != uid_of(manifest):
            raise NotFound(f"{key} is another object by now: it was made anew")
        return live, type, manifest

    def _destination(self, name: AppName) -> LiveCluster:
        application = self._store.applications.get(name)
        if application is None:
            raise NotFound(f"application {name} does not exist")
        destination = application.spec.destination
        live = self._clusters.use(self._store.clusters.find(destination.server, destination.name))
        live.reachability.check()  # else the caller would wait for as long as a call may take
        return live

    def _named(self, request: pb.ListEventsRequest) -> pb.ObjectRef:
        """The object that events are asked about; Argo CD's clients tell its uid and name, and no kind."""
        asked = request.object
        if asked.kind:
            return asked
        held = self._destination(_name(request.application)).mirror.by_uid(asked.uid)
        key = key_of(held or {})
        if held is None or asked.name not in ("", key.name) or asked.namespace not in ("", key.namespace):
            raise NotPermitted(f"no object of that uid is part of application {_name(request.application)}")
        return pb.ObjectRef(
            group=key.group, version=version_of(held), kind=key.kind, namespace=key.namespace, name=key.name
        )

    def _desired_keys(self, name: AppName) -> set[ResourceKey]:
        view = self._views.get(name)
        return {each.key for each in view.desired.objects} if view is not None else set()

    def _state(self, cluster: Cluster, live: LiveCluster | None) -> dict[str, Any]:
        known = self._clusters.reachability(cluster)
        apps = [
            each
            for each in self._store.applications.all()
            if cluster.server == each.spec.destination.server or cluster.name == each.spec.destination.name
        ]
        version = self._clusters.version(cluster)
        counted = {"resourcesCount": len(live.mirror), "apisCount": live.kinds_watched} if live is not None else {}
        return {
            "server": cluster.server,
            "name": cluster.name,
            "serverVersion": version,
            "connectionState": _connection(known),
            "info": {
                "applicationsCount": len(apps),
                "serverVersion": version,
                "cacheInfo": counted,
                "apiVersions": list(live.api_versions) if live is not None else [],
            },
        }


def add_to_server(service: LiveService, server: Any) -> None:
    add_LiveServiceServicer_to_server(service, server)


def _connection(known: Reachability | None) -> dict[str, Any]:
    """Argo CD's ConnectionState; the message of one that failed says since when."""
    if known is None or known.asked_at is None:
        return {"status": "Unknown", "message": "the cluster has not been asked yet", "attemptedAt": None}
    failed = known.error
    return {
        "status": "Failed" if failed else "Successful" if known.heard_at else "Unknown",
        "message": str(failed) if failed else "" if known.heard_at else "the cluster has not answered yet",
        "attemptedAt": rfc3339(known.asked_at),
    }


def _name(app: pb.ApplicationRef) -> AppName:
    return AppName(app.namespace, app.name)


def _is_asked_for(key: ResourceKey, only: pb.ObjectRef) -> bool:
    """As Argo CD reads the query: what is left empty is any, and the version tells nothing apart."""
    asked = (only.group, only.kind, only.namespace, only.name)
    return all(not wanted or wanted == has for wanted, has in zip(asked, key, strict=True))


def _resource_diff(compared: ObjectComparison, hidden: frozenset[str]) -> dict[str, Any]:
    """Argo CD's ResourceDiff: states are JSON texts, `null` for what is not there."""
    desired, live, predicted = masked(compared.desired, compared.live, compared.predicted, hidden)
    shown = compared.live if compared.live is not None else compared.desired
    return {
        "group": compared.key.group,
        "kind": compared.key.kind,
        "namespace": compared.key.namespace,
        "name": compared.key.name,
        "targetState": _text(desired),
        "liveState": _text(live),
        "normalizedLiveState": _text(live),
        "predictedLiveState": _text(predicted),
        "resourceVersion": resource_version_of(shown or {}),
        "hook": compared.hook,
        "modified": compared.is_out_of_sync,
        "requiresPruning": compared.requires_pruning,
        "message": compared.message,
    }


def _text(manifest: Manifest | None) -> str:
    return "null" if manifest is None else orjson.dumps(manifest).decode()
