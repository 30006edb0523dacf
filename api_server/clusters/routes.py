"""Clusters: registered, shown with how the controller gets on with them, and forgotten."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from api_server.access import CurrentUser, Segment, Served, check
from api_server.answers import json_answer
from api_server.auth.sessions import Subject
from api_server.clusters.views import ClusterRequest, cluster_asked, cluster_view
from api_server.services import Services
from gitops.model.errors import GitOpsError, InvalidRequest, NotFound, NotPermitted
from gitops.model.repository import Cluster

router = APIRouter(prefix="/api/v1/clusters", tags=["clusters"])

IdType = Annotated[str, Query(alias="id.type")]


@router.get("", summary="Every cluster the user may see")
async def list_clusters(
    services: Served,
    user: CurrentUser,
    server: Annotated[str, Query()] = "",
    name: Annotated[str, Query()] = "",
) -> Response:
    states = await _states(services)
    seen = [
        each
        for each in services.store.clusters.all()
        if _may_see(services, user, each) and server in ("", each.server) and name in ("", each.name)
    ]
    return json_answer({"metadata": {}, "items": [cluster_view(each, states.get(each.server, {})) for each in seen]})


@router.post("", summary="Register a cluster; with upsert also over an existing registration")
async def create_cluster(
    services: Served, user: CurrentUser, wanted: ClusterRequest, upsert: Annotated[bool, Query()] = False
) -> Response:
    clusters, asked = services.store.clusters, cluster_asked(wanted)
    check(services, user, "clusters", "create", _object(asked))
    stored = clusters.get(asked.server)
    if stored is not None and not _same(stored, asked):
        if not upsert:
            raise InvalidRequest("existing cluster spec is different; use upsert flag to force update")
        # The right is needed for what it is and for what it becomes: both may belong to a project.
        check(services, user, "clusters", "update", _object(stored))
        check(services, user, "clusters", "update", _object(asked))
    if stored is None or not _same(stored, asked):
        await clusters.put(asked)
        services.audit.record(user, "clusters/create" if stored is None else "clusters/update", _object(asked))
    return json_answer(cluster_view(asked, {}))


@router.get("/{cluster_id}", summary="One cluster, by its server address, or with id.type=name by its name")
async def get_cluster(services: Served, user: CurrentUser, cluster_id: Segment, id_type: IdType = "") -> Response:
    cluster = _allowed(services, user, "get", cluster_id, id_type)
    return json_answer(cluster_view(cluster, (await _states(services)).get(cluster.server, {})))


@router.delete("/{cluster_id}", summary="Forget a cluster; what runs there stays")
async def delete_cluster(services: Served, user: CurrentUser, cluster_id: Segment, id_type: IdType = "") -> Response:
    cluster = _allowed(services, user, "delete", cluster_id, id_type)
    await services.store.clusters.delete(cluster.server)
    services.audit.record(user, "clusters/delete", _object(cluster))
    return json_answer({})


def _allowed(services: Services, user: Subject, action: str, cluster_id: str, id_type: str) -> Cluster:
    """One that is not there answers like one that is forbidden, except to those who may see all."""
    clusters = services.store.clusters
    cluster = clusters.by_name(cluster_id) if id_type in ("name", "name_escaped") else clusters.get(cluster_id)
    if cluster is not None and services.policy.allows(user, "clusters", action, _object(cluster)):
        return cluster
    if cluster is None and services.policy.allows(user, "clusters", action, cluster_id):
        raise NotFound(f"no cluster `{cluster_id}` is registered")
    raise NotPermitted(f"permission denied: clusters, {action}, {cluster_id}, sub: {user.name}")


def _object(cluster: Cluster) -> str:
    return f"{cluster.project}/{cluster.server}" if cluster.project else cluster.server


def _same(stored: Cluster, asked: Cluster) -> bool:
    """Whether both say the same; labels and annotations that others added to the Secret do not count."""
    parts = (stored.labels.items() >= asked.labels.items(), stored.annotations.items() >= asked.annotations.items())
    bare = (msgspec.structs.replace(each, labels={}, annotations={}) for each in (stored, asked))
    return all(parts) and len(set(map(msgspec.json.encode, bare))) == 1


def _may_see(services: Services, user: Subject, cluster: Cluster) -> bool:
    return services.policy.allows(user, "clusters", "get", _object(cluster))


async def _states(services: Services) -> Mapping[str, Mapping[str, Any]]:
    """By server. The list is still good when the controller cannot be asked: the states are then unknown."""
    try:
        found = msgspec.json.decode(await services.live.cluster_states() or b"[]")
    except GitOpsError as error:
        unknown = {"connectionState": {"status": "Unknown", "message": str(error)}}
        return {each.server: unknown for each in services.store.clusters.all()}
    return {str(each.get("server") or "").rstrip("/"): each for each in found}
