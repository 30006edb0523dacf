"""The registered clusters: Argo CD's cluster Secrets, and the one that holds our records."""

from collections.abc import Mapping

import msgspec

from adapters.kube.credentials import credentials_from_secret, secret_config
from adapters.store.feed import Feed
from adapters.store.kinds import MANAGED_BY_ANNOTATION, RecordName
from adapters.store.mirror import Mirror
from adapters.store.secrets import (
    data_of,
    encoded_data,
    hashed_name,
    is_type,
    public_annotations,
    secret_manifest,
    texts_of,
)
from gitops.model.errors import ClusterUnknown, InvalidSpec
from gitops.model.numbers import count_of
from gitops.model.repository import IN_CLUSTER_NAME, IN_CLUSTER_SERVER, Cluster
from gitops.model.resource import Manifest, labels_of, name_of

_SECRET_TYPE = "cluster"  # noqa: S105 (a label's value)


def cluster_of(secret: Manifest) -> Cluster:
    texts = texts_of(secret)
    if not texts.get("server"):
        raise InvalidSpec(f"cluster Secret `{name_of(secret)}` has no `server`")
    server = texts["server"].rstrip("/")
    try:
        credentials = credentials_from_secret(data_of(secret).get("config", b""))
    except InvalidSpec as error:
        raise InvalidSpec(f"cluster Secret `{name_of(secret)}`: {error}") from error
    return Cluster(
        server=server,
        name=texts.get("name") or server,
        credentials=credentials,
        namespaces=tuple(part.strip() for part in texts.get("namespaces", "").split(",") if part.strip()),
        cluster_resources=texts.get("clusterResources") == "true",
        project=texts.get("project", ""),
        shard=count_of(texts.get("shard", "")),
        labels=dict(labels_of(secret)),
        annotations=public_annotations(secret),
    )


def values_of(cluster: Cluster) -> dict[str, str | bytes | None]:
    """What a cluster Secret holds; a None means that the key is not there."""
    return {
        "name": cluster.name,
        "server": cluster.server,
        "config": secret_config(cluster.credentials),
        "namespaces": ",".join(cluster.namespaces) or None,
        "clusterResources": "true" if cluster.cluster_resources else None,
        "project": cluster.project or None,
        "shard": None if cluster.shard is None else str(cluster.shard),
    }


def secret_of(cluster: Cluster, namespace: str) -> dict[str, object]:
    """The Secret that registers a cluster, as Argo CD would write it."""
    return secret_manifest(
        hashed_name("cluster", cluster.server),
        _SECRET_TYPE,
        values_of(cluster),
        namespace=namespace,
        labels=dict(cluster.labels),
        annotations={**cluster.annotations, MANAGED_BY_ANNOTATION: "argocd.argoproj.io"},
    )


class Clusters:
    """By server address. `home`: how we reach the cluster that holds our records."""

    def __init__(self, secrets: Mirror[Manifest], home: Cluster) -> None:
        self._secrets = secrets
        self._home = home
        self._generation = -1
        self._by_server: dict[str, Cluster] = {}
        self._unreadable: dict[str, InvalidSpec] = {}

    def get(self, server: str) -> Cluster | None:
        return self._current().get(server.rstrip("/"))

    def by_name(self, name: str) -> Cluster | None:
        return next((each for each in self._current().values() if each.name == name), None)

    def find(self, server: str = "", name: str = "") -> Cluster:
        """The cluster of a destination, which names it by exactly one of the two."""
        if server and name:
            raise ClusterUnknown(f"the destination has both a server and a name (`{server}`, `{name}`); keep one")
        if not server and not name:
            raise ClusterUnknown("the destination names no cluster; set destination.server or destination.name")
        found = self.get(server) if server else self._only_one(name)
        if found is None:
            broken = "; ".join(str(each) for each in self.unreadable().values())
            hint = f" ({broken})" if broken else ""
            raise ClusterUnknown(f"no cluster `{server or name}` is registered; add it with `tiphys cluster add`{hint}")
        return found

    def _only_one(self, name: str) -> Cluster | None:
        found = [each for each in self._current().values() if each.name == name]
        if len(found) > 1:
            servers = ", ".join(each.server for each in found)
            raise ClusterUnknown(f"{len(found)} clusters are named `{name}` ({servers}); use destination.server")
        return found[0] if found else None

    def all(self) -> list[Cluster]:
        """The home cluster first, then by name."""
        return sorted(
            self._current().values(), key=lambda each: (each.server != IN_CLUSTER_SERVER, each.name, each.server)
        )

    def unreadable(self) -> Mapping[str, InvalidSpec]:
        """Cluster Secrets that make no cluster, by the Secret's name."""
        self._current()
        return self._unreadable

    @property
    def generation(self) -> int:
        return self._secrets.generation

    def changes(self) -> Feed:
        """Changes of the Secrets; look at `all` for what they mean."""
        return self._secrets.changes(_is_cluster)

    async def put(self, cluster: Cluster) -> None:
        """Register, or change the registration of the same server; its Secret keeps name and foreign labels."""
        existing = self._secret_for(cluster.server)
        if existing is None:
            await self._secrets.create(secret_of(cluster, self._secrets.namespace))
            return
        metadata = {"labels": dict(cluster.labels), "annotations": dict(cluster.annotations)}
        patch = {"data": encoded_data(values_of(cluster)), "metadata": metadata}
        await self._secrets.patch(RecordName(self._secrets.namespace, name_of(existing)), patch)

    async def delete(self, server: str) -> None:
        existing = self._secret_for(server)
        if existing is None:
            raise ClusterUnknown(f"no cluster `{server}` is registered")
        await self._secrets.delete(RecordName(self._secrets.namespace, name_of(existing)), "Background")

    def _secret_for(self, server: str) -> Manifest | None:
        wanted = server.rstrip("/")
        for secret in self._secrets.raws():
            if _is_cluster(secret) and texts_of(secret).get("server", "").rstrip("/") == wanted:
                return secret
        return None

    def _current(self) -> dict[str, Cluster]:
        if self._generation != self._secrets.generation:
            self._generation = self._secrets.generation
            self._by_server, self._unreadable = self._read()
        return self._by_server

    def _read(self) -> tuple[dict[str, Cluster], dict[str, InvalidSpec]]:
        credentials = msgspec.structs.replace(
            self._home.credentials, address=self._home.credentials.address or self._home.server
        )
        clusters = {IN_CLUSTER_SERVER: Cluster(IN_CLUSTER_SERVER, IN_CLUSTER_NAME, credentials)}
        unreadable: dict[str, InvalidSpec] = {}
        for secret in sorted(filter(_is_cluster, self._secrets.raws()), key=name_of):
            try:
                cluster = cluster_of(secret)
            except InvalidSpec as error:
                unreadable[name_of(secret)] = error
                continue
            if cluster.server == IN_CLUSTER_SERVER:
                cluster = msgspec.structs.replace(cluster, credentials=credentials)
            clusters[cluster.server] = cluster
        return clusters, unreadable


def _is_cluster(secret: Manifest) -> bool:
    return is_type(secret, _SECRET_TYPE)
