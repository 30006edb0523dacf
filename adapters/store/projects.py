"""The AppProjects of the namespace, by name."""

from collections.abc import Mapping
from typing import Any

from adapters.clock import Clock
from adapters.kube.client import KubeClient
from adapters.kube.requests import Propagation
from adapters.store import decode
from adapters.store.feed import Feed
from adapters.store.kinds import PROJECTS, RecordName
from adapters.store.mirror import Mirror
from gitops.model.project import Project
from gitops.model.resource import Manifest


class Projects:
    def __init__(self, client: KubeClient, namespace: str, clock: Clock) -> None:
        self.mirror: Mirror[Project] = Mirror(client, PROJECTS, namespace, decode.project, clock)

    def get(self, name: str) -> Project | None:
        """None if there is none; InvalidSpec if it is there and cannot be read."""
        return self.mirror.get(self._record(name))

    def all(self) -> list[Project]:
        return self.mirror.all()

    def names(self) -> list[str]:
        return [each.name for each in self.mirror.names()]

    def raw(self, name: str) -> Manifest | None:
        return self.mirror.raw(self._record(name))

    def encoded(self, name: str) -> bytes | None:
        return self.mirror.encoded(self._record(name))

    @property
    def resource_version(self) -> str:
        return self.mirror.resource_version

    @property
    def generation(self) -> int:
        return self.mirror.generation

    def changes(self) -> Feed:
        return self.mirror.changes()

    async def create(self, raw: Manifest) -> Manifest:
        return await self.mirror.create(raw)

    async def replace(self, raw: Manifest) -> Manifest:
        return await self.mirror.replace(raw)

    async def patch(
        self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str | None = None
    ) -> Manifest:
        return await self.mirror.patch(self._record(name), merge_patch, resource_version=resource_version)

    async def delete(self, name: str, propagation: Propagation = "Background") -> None:
        await self.mirror.delete(self._record(name), propagation)

    def _record(self, name: str) -> RecordName:
        return RecordName(self.mirror.namespace, name)
