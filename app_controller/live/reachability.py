"""Whether an API server answers: it is asked whenever nothing was heard of it for a moment.

Watches alone do not tell: where nothing changes, nothing comes. An API server that is away for a moment (it
restarts) is given some grace; what is known of its cluster then still counts. After that nothing counts.
"""

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
import structlog

from adapters.clock import Clock
from adapters.kube.client import KubeClient
from gitops.model.errors import ClusterUnreachable, GitOpsError
from gitops.model.moments import rfc3339
from gitops.model.repository import Cluster

log = structlog.get_logger()
Result = TypeVar("Result")


class Watchfulness(msgspec.Struct, frozen=True):
    """How closely an API server is watched: silence is told after `every`, the question's 3 s, and `grace`."""

    every: timedelta = timedelta(seconds=2)
    grace: timedelta = timedelta(seconds=5)
    fresh: timedelta = timedelta(milliseconds=500)  # how old a sign of life may be that answers a question of now


WATCHFUL = Watchfulness()
RELAXED = Watchfulness(every=timedelta(seconds=10))  # of clusters that nothing is delivered to


class MayPass(ClusterUnreachable):
    """No answer, but not for long enough to say so: whoever wanted it comes back in a moment."""


class Reachability:
    def __init__(
        self,
        cluster: Cluster,
        client: KubeClient,
        clock: Clock,
        *,
        changed: Callable[[], None],
        watchfulness: Watchfulness = WATCHFUL,
    ) -> None:
        self.cluster = cluster
        self.error: ClusterUnreachable | None = None  # why nothing certain is known now
        self.since: datetime | None = None  # when the question without an answer was asked
        self.heard_at: datetime | None = None
        self.asked_at: datetime | None = None
        self._client = client
        self._clock = clock
        self._changed = changed
        self._watchfulness = watchfulness
        self._silent = False  # the trouble is silence; else it is that we are not let in
        self._over = asyncio.Event()  # the grace

    # --- questions ------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raises when what is known of the cluster may no longer be so."""
        if self.error is not None and self.is_past_grace:
            raise self.error

    @property
    def is_past_grace(self) -> bool:
        since = self.since
        return since is not None and self._clock.now() - since >= self._watchfulness.grace

    async def confirm(self) -> None:
        """Returns after a sign of life of now; raises when none comes until the grace is over."""
        while not await self._asked(self._watchfulness.fresh):
            self.check()
            await self._clock.sleep(self._watchfulness.fresh)
        if not self._silent:
            self.check()

    async def unless_lost(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What the work comes to. It ends with the grace: its calls would wait for answers much longer.

        Only for work that may be left at any point: reads and dry runs.
        """
        working = asyncio.ensure_future(work)
        losing = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise self.error or MayPass(f"cluster {self.cluster.name} answers again; it is looked at anew")
            return working.result()
        except MayPass:
            raise
        except ClusterUnreachable as error:
            if await self._may_pass():
                raise MayPass(str(error)) from error
            raise
        finally:
            losing.cancel()
            working.cancel()
            await asyncio.wait({working})

    async def _may_pass(self) -> bool:
        """Whether a call without an answer tells of the API server, and not for long enough: else it is the call's."""
        if self.error is None and await self._asked(self._watchfulness.fresh):
            return False
        return not self.is_past_grace

    # --- what is heard --------------------------------------------------------------------------------

    async def keep_asking(self) -> None:
        """Runs until cancelled."""
        while True:
            try:
                await self._asked(self._watchfulness.every)
            except Exception:  # a question that cannot even be asked is no answer
                log.error("probe failed", cluster=self.cluster.name, trace=traceback.format_exc())
                self.lost(ClusterUnreachable("it cannot be asked; the controller's log says why"))
            await self._clock.sleep(self._watchfulness.every)

    async def _asked(self, within: timedelta) -> bool:
        asked_at = self.asked_at = self._clock.now()
        silence = await self._client.silence(within.total_seconds())
        if silence is not None:
            self.lost(silence, since=asked_at)
            return False
        self.heard_at = self._clock.now()
        if self._silent:
            self.heard()
        return True

    def lost(self, error: GitOpsError, *, since: datetime | None = None, silent: bool = True) -> None:
        """No answer; with `silent=False` one that says that we are not let in."""
        if self.error is not None:
            return
        since = self.since = since or self._clock.now()
        self._silent = silent
        self.error = ClusterUnreachable(
            f"cluster {self.cluster.name} ({self.cluster.server}) does not answer since {rfc3339(since)}, so what it "
            f"runs is not known: {error}; it is asked again until it does"
        )
        log.warning("cluster unreachable", cluster=self.cluster.name, error=str(error))
        left = self._watchfulness.grace - (self._clock.now() - since)
        asyncio.get_running_loop().call_later(max(0.0, left.total_seconds()) + 0.1, self._grace_ends, since)

    def _grace_ends(self, since: datetime) -> None:
        if self.since == since:
            self._over.set()
            self._changed()

    def heard(self) -> None:
        """It answers, and lets us in."""
        self.heard_at = self._clock.now()
        if self.error is None:
            return
        log.info("cluster reachable again", cluster=self.cluster.name)
        self.error = self.since = None
        self._silent = False
        self._over.clear()
        self._changed()
