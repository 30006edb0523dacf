"""The Applications: read from memory, written to the cluster, seen here at once."""

from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.clock import Clock
from adapters.kube.client import KubeClient
from adapters.store import decode
from adapters.store.kinds import APPLICATIONS
from adapters.store.mirror import Mirror
from gitops.model.application import Application, AppName
from gitops.model.errors import Conflict, NotFound
from gitops.model.operation import Operation
from gitops.model.resource import Manifest, resource_version_of

_ATTEMPTS = 5


class Applications(Mirror[Application]):
    def __init__(self, client: KubeClient, namespace: str, clock: Clock) -> None:
        super().__init__(client, APPLICATIONS, namespace, decode.application, clock)

    async def start_operation(self, name: AppName, operation: Operation | Mapping[str, Any]) -> Manifest:
        """Put an operation on record, unless there is one: then Conflict. Two callers never both succeed."""
        asked = msgspec.to_builtins(operation) if isinstance(operation, Operation) else dict(operation)
        current = self.raw(name)
        for _ in range(_ATTEMPTS):
            if current is None:
                raise NotFound(f"application `{name}` does not exist")
            if current.get("operation"):
                raise Conflict(f"application `{name}` has an operation in progress; wait for it or terminate it")
            try:
                return await self.patch(name, {"operation": asked}, resource_version=resource_version_of(current))
            except Conflict:
                # Mostly the status has moved on meanwhile: look again, at the API server itself.
                current = await self.fresh(name)
        raise Conflict(f"application `{name}` is changing too fast to start an operation; try again")

    async def write_status(
        self, name: AppName, status_patch: Mapping[str, Any], *, resource_version: str | None = None
    ) -> Manifest:
        """Merge into `status`: lists are replaced, a None removes."""
        return await self.patch(name, {"status": status_patch}, resource_version=resource_version)

    async def set_annotations(self, name: AppName, annotations: Mapping[str, str | None]) -> Manifest:
        """A None removes."""
        return await self.patch(name, {"metadata": {"annotations": dict(annotations)}})

    async def remove_annotations(self, name: AppName, *keys: str) -> Manifest:
        return await self.set_annotations(name, dict.fromkeys(keys))
