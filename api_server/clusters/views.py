"""A cluster as it may be shown, never how to get in; and as it comes to be registered. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from adapters.kube.credentials import credentials_from_secret
from adapters.store.kinds import LAST_APPLIED_ANNOTATION, SECRET_TYPE_LABEL
from gitops.model.errors import InvalidRequest, InvalidSpec
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


class ClusterConfig(BaseModel):
    """The `config` of a cluster Secret, as far as its shape goes; what it means is read elsewhere."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    username: str = ""
    password: Annotated[str, Field(repr=False)] = ""
    bearer_token: Annotated[str, Field(repr=False)] = ""
    proxy_url: str = ""
    tls_client_config: Annotated[dict[str, str | bool | None], Field(repr=False)] = {}
    exec_provider_config: Annotated[dict[str, Any] | None, Field(repr=False)] = None
    aws_auth_config: dict[str, str] | None = None


class ClusterRequest(BaseModel):
    """POST /clusters. What answers hold besides (state, version, info) is the controller's and passed over."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    server: str = Field(min_length=1, max_length=2048)
    name: str = Field("", max_length=253)
    config: ClusterConfig = ClusterConfig()
    namespaces: tuple[str, ...] | None = None
    cluster_resources: bool = False
    project: str = ""
    shard: int | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


def cluster_asked(wanted: ClusterRequest) -> Cluster:
    """The registration a request stands for; its errors never quote the credentials."""
    if not _is_address(wanted.server):
        raise InvalidRequest("body server: an address such as https://k8s.example.com:6443 is expected")
    try:
        told = wanted.config.model_dump(by_alias=True, exclude_none=True)
        credentials = credentials_from_secret(msgspec.json.encode(told))
    except InvalidSpec as error:
        raise InvalidRequest(f"body config: {error}") from None
    server = wanted.server.rstrip("/")
    return Cluster(
        server=server,
        name=wanted.name or server,
        credentials=credentials,
        namespaces=tuple(wanted.namespaces or ()),
        cluster_resources=wanted.cluster_resources,
        project=wanted.project,
        shard=wanted.shard,
        labels={key: each for key, each in (wanted.labels or {}).items() if key != SECRET_TYPE_LABEL},
        annotations=wanted.annotations or {},
    )


def _is_address(text: str) -> bool:
    try:
        address = urlsplit(text)
        parts = (address.hostname, address.port is None or address.port)  # either may be none at all
    except ValueError:
        return False
    return address.scheme in ("https", "http") and all(parts) and not (address.username or address.query)
