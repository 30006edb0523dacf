"""Whether repositories answer, asked rarely: a list must not cost a connection to each of them every time."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.clock import Clock
from adapters.repo_client import RepoClient
from gitops.model.errors import GitOpsError
from gitops.model.moments import rfc3339
from gitops.model.repository import Repository

HOLDS = timedelta(minutes=3)
PATIENCE = timedelta(seconds=10)
AT_ONCE = 8

State = Mapping[str, Any]


class Connections:
    def __init__(self, repo: RepoClient, clock: Clock) -> None:
        self._repo = repo
        self._clock = clock
        self._known: dict[Repository, tuple[datetime, State]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def states(self, repositories: list[Repository], *, anew: bool) -> list[State]:
        """One state per repository, in their order."""
        now = self._clock.now()
        self._known = {key: each for key, each in self._known.items() if now - each[0] < HOLDS}
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._state(each, anew=anew)) for each in repositories]
        return [each.result() for each in asked]

    async def _state(self, repository: Repository, *, anew: bool) -> State:
        known = self._known.get(repository)
        if known is not None and not anew:
            return known[1]
        async with self._slots:
            state = await self._tried(repository)
        self._known[repository] = (self._clock.now(), state)
        return state

    async def _tried(self, repository: Repository) -> State:
        attempted = {"attemptedAt": rfc3339(self._clock.now())}
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                await self._repo.test(repository)
        except GitOpsError as error:
            return {"status": "Failed", "message": str(error), **attempted}
        except TimeoutError:
            return {"status": "Unknown", "message": "the repository has not answered yet", **attempted}
        return {"status": "Successful", "message": "", **attempted}
