"""A cluster as it may be shown: never how to get in. Pure."""

from collections.abc import Mapping
from typing import Any

from adapters.store.kinds import LAST_APPLIED_ANNOTATION
from gitops.model.repository import Cluster

UNKNOWN: Mapping[str, Any] = {"status": "Unknown", "message": "the controller has not told its state yet"}


def cluster_view(cluster: Cluster, state: Mapping[str, Any]) -> dict[str, Any]:
    """The registration, with what the controller says of the connection."""
    connection = state.get("connectionState") or UNKNOWN
    version = str(state.get("serverVersion") or "")
    info = {"connectionState": connection, "serverVersion": version, "cacheInfo": {}, **(state.get("info") or {})}
    told: dict[str, Any] = {
        "server": cluster.server,
        "name": cluster.name,
        "config": {"tlsClientConfig": {"insecure": cluster.credentials.insecure}},
        "connectionState": connection,
        "serverVersion": version,
        "info": info,
    }
    annotations = {key: each for key, each in cluster.annotations.items() if key != LAST_APPLIED_ANNOTATION}
    optional = {
        "namespaces": list(cluster.namespaces),
        "clusterResources": cluster.cluster_resources,
        "project": cluster.project,
        "labels": dict(cluster.labels),
        "annotations": annotations,
    }
    return {**told, **{key: each for key, each in optional.items() if each}}
