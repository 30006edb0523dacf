"""Opens and closes the views of the clusters that applications use."""

import asyncio
import traceback
from collections.abc import Callable, Iterable

import msgspec
import structlog

from adapters.clock import Clock
from app_controller.live.cluster import LiveCluster
from app_controller.live.mirror import ChangeSink, Owner
from gitops.model.errors import ClusterUnreachable
from gitops.model.repository import Cluster
from gitops.model.resource import GroupKind

log = structlog.get_logger()


def _close(live: LiveCluster, task: asyncio.Task[None]) -> None:
    live.closed = True  # at once, also for one whose task has not begun
    task.cancel()


async def _kept_to_itself(live: LiveCluster) -> None:
    try:
        await live.serve()
    except Exception:  # a bug about one cluster must not take the others with it; the next use opens it anew
        log.error("view of a cluster failed", cluster=live.cluster.name, trace=traceback.format_exc())


def _same_connection(one: Cluster, other: Cluster) -> bool:
    """Labels and the like may change without a new connection, and a new list of everything."""
    return one == msgspec.structs.replace(
        other,
        name=one.name,
        project=one.project,
        shard=one.shard,
        labels=one.labels,
        annotations=one.annotations,
    )


class Clusters:
    """The clusters applications use, each opened at first use and closed when it is no longer registered."""

    def __init__(
        self,
        *,
        registered: Callable[[], Iterable[Cluster]],
        owner: Owner,
        sink: ChangeSink,
        excluded: Callable[[GroupKind, str], bool],
        clock: Clock,
        state_changed: Callable[[Cluster], None],
    ) -> None:
        self._registered = registered
        self._owner = owner
        self._sink = sink
        self._excluded = excluded
        self._clock = clock
        self._state_changed = state_changed
        self._open: dict[str, tuple[LiveCluster, asyncio.Task[None]]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def serve(self) -> None:
        """Owns the clusters' loops; runs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            await asyncio.Event().wait()

    def use(self, cluster: Cluster) -> LiveCluster:
        """The live view of a registered cluster, opened if it is not open yet.

        New credentials or another address open it anew.
        """
        present = self._open.get(cluster.server)
        if present is not None and not present[0].closed and _same_connection(present[0].cluster, cluster):
            present[0].cluster = cluster
            return present[0]
        if present is not None:
            _close(*present)
        if self._tasks is None:
            raise ClusterUnreachable(f"cluster {cluster.name} is not opened yet; the controller is starting")
        live = LiveCluster(
            cluster,
            owner=self._owner,
            sink=self._sink,
            excluded=self._excluded,
            clock=self._clock,
            state_changed=self._state_changed,
        )
        task = self._tasks.create_task(_kept_to_itself(live), name=f"cluster {cluster.name}")
        self._open[cluster.server] = (live, task)
        return live

    def opened(self, server: str) -> LiveCluster | None:
        present = self._open.get(server)
        return present[0] if present else None

    def close_unregistered(self) -> None:
        known = {each.server for each in self._registered()}
        for server in [each for each in self._open if each not in known]:
            _close(*self._open.pop(server))

    def all_open(self) -> list[LiveCluster]:
        return [live for live, _ in self._open.values()]
