"""Opens and closes the views of the clusters that applications use."""

import asyncio
import traceback
from collections.abc import Callable, Iterable
from datetime import timedelta

import msgspec
import structlog

from adapters.clock import Clock
from adapters.kube.client import KubeClient
from app_controller.live.cluster import LiveCluster
from app_controller.live.mirror import ChangeSink, Owner
from app_controller.live.reachability import RELAXED, Reachability
from gitops.model.errors import ClusterUnreachable
from gitops.model.repository import Cluster
from gitops.model.resource import GroupKind

log = structlog.get_logger()

LOOK_FOR_UNUSED_EVERY = timedelta(seconds=1)


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


class Unused:
    """A registered cluster that no application uses: nothing is known of it but whether it answers."""

    def __init__(self, cluster: Cluster, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        self.cluster = cluster
        self.client = KubeClient.for_cluster(cluster, connections=1)
        self.reachability = Reachability(cluster, self.client, clock, changed=lambda: None, watchfulness=RELAXED)
        self.task = tasks.create_task(self._serve(), name=f"probe {cluster.name}")

    async def _serve(self) -> None:
        try:
            async with self.client:
                await self.reachability.keep_asking()
        except Exception:  # a bug about one cluster must not take the others with it
            log.error("probe of a cluster failed", cluster=self.cluster.name, trace=traceback.format_exc())


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
        self._unused: dict[str, Unused] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def serve(self) -> None:
        """Owns the clusters' loops; runs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            while True:
                self._watch_unused(tasks)
                await self._clock.sleep(LOOK_FOR_UNUSED_EVERY)

    def _watch_unused(self, tasks: asyncio.TaskGroup) -> None:
        """Clusters that nothing is delivered to are asked whether they are there, and no more than that."""
        unused = {each.server: each for each in self._registered() if each.server not in self._open}
        for server, known in list(self._unused.items()):
            cluster = unused.get(server)
            if cluster is not None and _same_connection(known.cluster, cluster) and not known.task.done():
                known.reachability.cluster = known.cluster = cluster
                del unused[server]
            else:
                known.task.cancel()
                del self._unused[server]
        for server, cluster in unused.items():
            self._unused[server] = Unused(cluster, self._clock, tasks)

    def use(self, cluster: Cluster) -> LiveCluster:
        """The live view of a registered cluster, opened if it is not open yet.

        New credentials or another address open it anew.
        """
        present = self._open.get(cluster.server)
        if present is not None and not present[0].closed and _same_connection(present[0].cluster, cluster):
            present[0].cluster = present[0].reachability.cluster = cluster
            return present[0]
        if present is not None:
            _close(*present)
        if self._tasks is None:
            raise ClusterUnreachable(f"cluster {cluster.name} is not opened yet; the controller is starting")
        live = LiveCluster(
            cluster,
            KubeClient.for_cluster(cluster),
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

    def reachability(self, cluster: Cluster) -> Reachability | None:
        """What is heard of a registered cluster; None: nothing was asked yet."""
        live, unused = self.opened(cluster.server), self._unused.get(cluster.server)
        return live.reachability if live is not None else unused.reachability if unused is not None else None

    def version(self, cluster: Cluster) -> str:
        live, unused = self.opened(cluster.server), self._unused.get(cluster.server)
        return live.version if live is not None else unused.client.told_version if unused is not None else ""

    def close_unregistered(self) -> None:
        known = {each.server for each in self._registered()}
        for server in [each for each in self._open if each not in known]:
            _close(*self._open.pop(server))

    def all_open(self) -> list[LiveCluster]:
        return [live for live, _ in self._open.values()]
