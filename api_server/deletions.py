"""The latest deletions, for clients whose list is older than their watch: they would never hear of them."""

from collections import deque

from adapters.store.applications import Applications
from adapters.store.feed import DELETED, Changed

KEPT = 1_000


class Deletions:
    def __init__(self) -> None:
        self._latest: deque[tuple[int, Changed]] = deque(maxlen=KEPT)

    async def follow(self, applications: Applications) -> None:
        """Remembers until cancelled."""
        with applications.changes() as feed:
            async for change in feed:
                if isinstance(change, Changed) and change.kind == DELETED:
                    self._latest.append((int(applications.resource_version), change))

    def since(self, version: int) -> list[Changed]:
        return [change for noticed_at, change in self._latest if noticed_at > version]
