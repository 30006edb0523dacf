"""Clusters as registered, and how the controller gets on with them. Read only."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from api_server.access import CurrentUser, Segment, Served
from api_server.answers import json_answer
from api_server.auth.sessions import Subject
from api_server.clusters.views import cluster_view
from api_server.services import Services
from gitops.model.errors import GitOpsError, NotFound, NotPermitted
from gitops.model.repository import Cluster

router = APIRouter(prefix="/api/v1/clusters", tags=["clusters"])


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


@router.get("/{cluster_id}", summary="One cluster, by its server address, or with id.type=name by its name")
async def get_cluster(
    services: Served, user: CurrentUser, cluster_id: Segment, id_type: Annotated[str, Query(alias="id.type")] = ""
) -> Response:
    clusters = services.store.clusters
    cluster = clusters.by_name(cluster_id) if id_type in ("name", "name_escaped") else clusters.get(cluster_id)
    if cluster is not None and _may_see(services, user, cluster):
        return json_answer(cluster_view(cluster, (await _states(services)).get(cluster.server, {})))
    if cluster is None and services.policy.allows(user, "clusters", "get", cluster_id):
        raise NotFound(f"no cluster `{cluster_id}` is registered")
    raise NotPermitted(f"permission denied: clusters, get, {cluster_id}, sub: {user.name}")


def _may_see(services: Services, user: Subject, cluster: Cluster) -> bool:
    named = f"{cluster.project}/{cluster.server}" if cluster.project else cluster.server
    return services.policy.allows(user, "clusters", "get", named)


async def _states(services: Services) -> Mapping[str, Mapping[str, Any]]:
    """By server. The list is still good when the controller cannot be asked: the states are then unknown."""
    try:
        found = msgspec.json.decode(await services.live.cluster_states() or b"[]")
    except GitOpsError as error:
        unknown = {"connectionState": {"status": "Unknown", "message": str(error)}}
        return {each.server: unknown for each in services.store.clusters.all()}
    return {str(each.get("server") or "").rstrip("/"): each for each in found}
