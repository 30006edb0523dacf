"""The ApplicationSets. Their status, unlike an Application's, is a subresource."""

from collections.abc import Mapping
from typing import Any

from adapters.clock import Clock
from adapters.kube.client import KubeClient
from adapters.store import decode
from adapters.store.kinds import APPSETS, RecordName
from adapters.store.mirror import Mirror
from gitops.model.appset import AppSet
from gitops.model.resource import Manifest


class AppSets(Mirror[AppSet]):
    def __init__(self, client: KubeClient, namespace: str, clock: Clock) -> None:
        super().__init__(client, APPSETS, namespace, decode.appset, clock, optional=True)

    async def write_status(self, name: RecordName, status_patch: Mapping[str, Any]) -> Manifest:
        """Merge into `status`: lists are replaced, a None removes."""
        answer = await self._client.patch(
            self.type, name.namespace, name.name, {"status": dict(status_patch)}, subresource="status"
        )
        return self._record(answer)
