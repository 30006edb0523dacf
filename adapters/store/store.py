"""All our records in one place: five watches of one namespace, and typed views over them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from adapters.clock import Clock
from adapters.kube.client import KubeClient
from adapters.store import events
from adapters.store.applications import Applications
from adapters.store.appsets import AppSets
from adapters.store.clusters import Clusters
from adapters.store.feed import Feed
from adapters.store.kinds import (
    CONFIG,
    CONFIG_MAPS,
    KNOWN_HOSTS,
    PARAMETERS,
    PART_OF_LABEL,
    RBAC_CONFIG,
    SECRETS,
    TLS_CERTIFICATES,
)
from adapters.store.mirror import Mirror
from adapters.store.projects import Projects
from adapters.store.repositories import Repositories
from adapters.store.secrets import concerns_us
from adapters.store.settings import SettingsStore
from gitops.model.application import Application
from gitops.model.errors import ClusterUnreachable
from gitops.model.resource import Manifest, labels_of, name_of

_SYNC_WITHIN = timedelta(seconds=60)
_CONFIG_MAPS = frozenset({CONFIG, RBAC_CONFIG, PARAMETERS, KNOWN_HOSTS, TLS_CERTIFICATES})


class Store:
    def __init__(self, client: KubeClient, namespace: str, clock: Clock) -> None:
        self.client = client
        self.namespace = namespace
        self._clock = clock
        self._secrets: Mirror[Manifest] = Mirror(client, SECRETS, namespace, _as_is, clock, keep=concerns_us)
        self._config_maps: Mirror[Manifest] = Mirror(client, CONFIG_MAPS, namespace, _as_is, clock, keep=_configures_us)
        self.applications = Applications(client, namespace, clock)
        self.projects = Projects(client, namespace, clock)
        self.appsets = AppSets(client, namespace, clock)
        self.clusters = Clusters(self._secrets, client.cluster)
        self.repositories = Repositories(self._secrets, self._config_maps)
        self.settings = SettingsStore(self._config_maps, self._secrets)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, client: KubeClient, namespace: str, clock: Clock, *, sync_within: timedelta = _SYNC_WITHIN
    ) -> AsyncIterator["Store"]:
        """A store whose records are all there; its watches run until the block ends."""
        store = cls(client, namespace, clock)
        failure: Exception | None = None
        async with asyncio.TaskGroup() as watches:
            loops = [watches.create_task(mirror.run()) for mirror in store.mirrors]
            try:
                await store.wait_synced(sync_within)
                yield store
            except Exception as error:
                failure = error
            finally:
                for loop in loops:
                    loop.cancel()
        if failure is not None:
            raise failure

    @property
    def mirrors(self) -> tuple[Mirror[Any], ...]:
        return (self.applications, self.projects.mirror, self.appsets, self._config_maps, self._secrets)

    @property
    def secrets(self) -> Mirror[Manifest]:
        """The Secrets that concern us, those that sessions are kept in among them."""
        return self._secrets

    async def wait_synced(self, within: timedelta) -> None:
        """Until every kind of record was listed once; else the error that stands in the way."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                for mirror in self.mirrors:
                    await mirror.wait_synced()
        except TimeoutError as error:
            known = next((mirror.error for mirror in self.mirrors if mirror.error is not None), None)
            raise known or ClusterUnreachable("the cluster that holds our records does not answer") from error

    def attach_registrations(self, feed: Feed) -> None:
        """Let a feed hear of cluster and repository Secrets as well."""
        self._secrets.attach(feed)

    async def emit_event(
        self, app: Application, reason: str, message: str, type: str = "Normal", *, at: datetime | None = None
    ) -> None:
        """A Kubernetes Event on an Application; see `events` for Argo CD's reasons."""
        await events.emit(self.client, app, reason, message, type, at=at or self._clock.now())


def _as_is(manifest: Manifest) -> Manifest:
    return manifest


def _configures_us(config_map: Manifest) -> bool:
    # By name, whatever its labels: Argo CD overlooks an unlabelled argocd-cm, and nobody is told.
    return name_of(config_map) in _CONFIG_MAPS or labels_of(config_map).get(PART_OF_LABEL) == "argocd"
