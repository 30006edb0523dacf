"""Opens and closes the mirrors: one connection, and one watch per kind, for each cluster in use."""

import asyncio
import traceback
from collections.abc import Callable, Iterable
from contextlib import aclosing
from datetime import datetime, timedelta
from hashlib import blake2b

import structlog

from adapters.clock import Clock
from adapters.kube.client import KubeClient
from adapters.kube.watch import Broken, Gone, Resumed, Synced, Upsert, WatchEvent, watch
from app_controller.live.mirror import ChangeSink, Mirror, Owner
from gitops.model.errors import ClusterError, ClusterUnreachable, GitOpsError, KindNotServed
from gitops.model.repository import Cluster
from gitops.model.resource import GroupKind, ResourceType, key_of

log = structlog.get_logger()

# Kept whole because they carry health, make up trees, or are what nearly every application holds.
WHOLE_KINDS = frozenset(
    GroupKind(group, kind)
    for group, kinds in {
        "": ("Pod", "Service", "PersistentVolumeClaim", "ConfigMap", "ServiceAccount", "Secret", "Namespace"),
        "apps": ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"),
        "batch": ("Job", "CronJob"),
        "autoscaling": ("HorizontalPodAutoscaler",),
        "networking.k8s.io": ("Ingress",),
    }.items()
    for kind in kinds
)
DEFINES_KINDS = frozenset(
    {
        GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
        GroupKind("apiregistration.k8s.io", "APIService"),
    }
)

GRACE = timedelta(seconds=5)  # an API server that restarts is not yet a cluster that is down
REDISCOVER_EVERY = timedelta(minutes=10)
REWATCH_AFTER = timedelta(seconds=5)
FIRST_LISTS_WITHIN = timedelta(seconds=60)


class _Kind:
    """One watched kind: its task's state as the mirror needs to know it."""

    def __init__(self, type: ResourceType, whole: bool) -> None:
        self.type = type
        self.whole = whole
        self.listed = asyncio.Event()  # the first list is in, or failed for good
        self.error: GitOpsError | None = None
        self.broken_since: datetime | None = None
        self.task: asyncio.Task[None] | None = None


class LiveCluster:
    """A cluster that applications use: its client, its mirror and how well we see it."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        owner: Owner,
        sink: ChangeSink,
        excluded: Callable[[GroupKind, str], bool],
        clock: Clock,
        state_changed: Callable[[Cluster], None],
    ) -> None:
        self.cluster = cluster
        self.client = KubeClient.for_cluster(cluster)
        self.mirror = Mirror(cluster.server, owner, sink)
        self.version = ""
        self.api_versions: tuple[str, ...] = ()
        self.types_digest = ""  # changes whenever a kind, a version or a scope does
        self.unreachable: ClusterUnreachable | None = None
        self.unreachable_since: datetime | None = None
        self.synced_at: datetime | None = None
        self._excluded = excluded
        self._clock = clock
        self._state_changed = state_changed
        self._types: dict[GroupKind, ResourceType] = {}
        self._all_types: dict[tuple[str, str, str], ResourceType] = {}
        self._kinds: dict[GroupKind, _Kind] = {}
        self._wanted_whole: set[GroupKind] = set()
        self._discovered = asyncio.Event()
        self._rediscover = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    # --- questions --------------------------------------------------------------------------------

    def type_of(self, group: str, version: str, kind: str) -> ResourceType:
        """How this cluster serves a kind; raises KindNotServed."""
        found = self._all_types.get((group, version, kind)) or (
            None if version else self._types.get(GroupKind(group, kind))
        )
        if found is None:
            name = f"{group}/{version}" if group else version or "v1"
            raise KindNotServed(
                f"cluster {self.cluster.name} does not serve {kind} in {name}; "
                "install its CustomResourceDefinition or correct the apiVersion"
            )
        return found

    def is_namespaced(self, group_kind: GroupKind) -> bool | None:
        found = self._types.get(group_kind)
        return found.namespaced if found else None

    def serves(self, group_kind: GroupKind) -> bool:
        return group_kind in self._types

    def holds_whole(self, group_kind: GroupKind) -> bool:
        kind = self._kinds.get(group_kind)
        return bool(kind and kind.whole)

    @property
    def kinds_watched(self) -> int:
        return len(self._kinds)

    def check_reachable(self) -> None:
        """Raises when what the mirror holds may no longer be what the cluster holds."""
        if self.unreachable is not None and self._clock.now() - (self.unreachable_since or self._clock.now()) >= GRACE:
            raise self.unreachable

    async def ready(self, wanted: Iterable[GroupKind] = ()) -> None:
        """Waits until every kind has been listed once, and those wanted are held whole.

        Raises ClusterUnreachable, or the error of a wanted kind that cannot be watched. The error of
        any other kind stays its own (one broken CRD must not stop every application).
        """
        needed = {each for each in wanted if each in self._types or not self._discovered.is_set()}
        try:
            async with asyncio.timeout(FIRST_LISTS_WITHIN.total_seconds()):
                await self._listed(needed)
        except TimeoutError:
            raise ClusterUnreachable(
                f"cluster {self.cluster.name} ({self.cluster.server}) did not list its objects within "
                f"{int(FIRST_LISTS_WITHIN.total_seconds())} s; check that its API server answers"
            ) from None
        self.check_reachable()
        for each in needed:
            kind = self._kinds.get(each)
            if kind is not None and kind.error is not None and not isinstance(kind.error, ClusterUnreachable):
                raise kind.error

    async def _listed(self, needed: set[GroupKind]) -> None:
        while not self._discovered.is_set():
            if self.unreachable is not None:
                raise self.unreachable
            await asyncio.sleep(0.02)
        self._want_whole(needed)
        for kind in list(self._kinds.values()):
            while not kind.listed.is_set():
                if self.unreachable is not None:
                    raise self.unreachable
                try:
                    async with asyncio.timeout(0.25):
                        await kind.listed.wait()
                except TimeoutError:
                    continue

    async def rediscover(self) -> None:
        """Look for new kinds now (a desired kind was not served)."""
        await self._discover()

    # --- the loops ----------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Runs until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                while True:
                    delay = await self._discovered_or_delay()
                    self._rediscover.clear()
                    try:
                        async with asyncio.timeout(delay.total_seconds()):
                            await self._rediscover.wait()
                            await asyncio.sleep(0.1)  # CRDs come in groups
                    except TimeoutError:
                        continue
        finally:
            self._tasks = None
            await self.client.aclose()

    async def _discovered_or_delay(self) -> timedelta:
        try:
            await self._discover()
        except ClusterError as error:
            self._note_broken(error)
            return timedelta(seconds=2)
        return REDISCOVER_EVERY

    async def _discover(self) -> None:
        self.version = await self.client.version()
        types = await self.client.discover()
        preferred: dict[GroupKind, ResourceType] = {}
        for each in types:
            preferred.setdefault(each.group_kind, each)
        self._types = preferred
        self._all_types = {(each.group, each.version, each.kind): each for each in types}
        self.api_versions = _api_versions(types)
        scopes = sorted(f"{each.group}/{each.version}/{each.kind}/{each.namespaced}" for each in types)
        self.types_digest = blake2b("\n".join([self.version, *scopes]).encode(), digest_size=16).hexdigest()
        self._note_reachable()
        watchable = {
            group_kind: each
            for group_kind, each in preferred.items()
            if {"list", "watch"} <= each.verbs and not self._excluded(group_kind, self.cluster.server)
        }
        for group_kind in [each for each in self._kinds if each not in watchable]:
            self._stop(group_kind)
            self.mirror.drop_kind(group_kind)
        for group_kind, type in watchable.items():
            present = self._kinds.get(group_kind)
            if present is None or present.type.version != type.version:
                self._start(type, whole=group_kind in WHOLE_KINDS or group_kind in self._wanted_whole)
        self._discovered.set()

    def _want_whole(self, group_kinds: set[GroupKind]) -> None:
        for group_kind in group_kinds:
            self._wanted_whole.add(group_kind)
            kind = self._kinds.get(group_kind)
            if kind is not None and not kind.whole:
                # What metadata-only lists left in the mirror must not pass for the whole object.
                self.mirror.drop_kind(group_kind)
                self._start(kind.type, whole=True)

    def _start(self, type: ResourceType, *, whole: bool) -> None:
        self._stop(type.group_kind)
        kind = _Kind(type, whole)
        self._kinds[type.group_kind] = kind
        assert self._tasks is not None  # only called from the loops that serve() owns
        kind.task = self._tasks.create_task(self._keep_following(kind), name=f"watch {type.group_kind}")

    def _stop(self, group_kind: GroupKind) -> None:
        kind = self._kinds.pop(group_kind, None)
        if kind is not None and kind.task is not None:
            kind.task.cancel()

    async def _keep_following(self, kind: _Kind) -> None:
        while True:
            try:
                await self._follow(kind)
            except Exception:  # a bug about one kind must not blind us to the others
                log.error("watch failed", kind=str(kind.type.group_kind), trace=traceback.format_exc())
                error = ClusterError(f"{kind.type.group_kind} cannot be watched; the controller's log says why")
                self._kind_broken(kind, error, self._clock.now())
                await self._clock.sleep(REWATCH_AFTER)

    async def _follow(self, kind: _Kind) -> None:
        group_kind = kind.type.group_kind
        events = watch(self.client, kind.type, metadata_only=not kind.whole, clock=self._clock, transform=_lean)
        async with aclosing(events):
            async for event in events:
                self._take(kind, event)
                if group_kind in DEFINES_KINDS and isinstance(event, Upsert | Gone):
                    self._rediscover.set()

    def _take(self, kind: _Kind, event: WatchEvent) -> None:
        match event:
            case Upsert(manifest):
                self.mirror.observe(manifest)
            case Gone(manifest):
                self.mirror.remove(key_of(manifest))
            case Synced(items, _):
                self.mirror.replace_kind(kind.type.group_kind, items)
                self._kind_works(kind)
            case Resumed():
                self._kind_works(kind)
            case Broken(error, since):
                self._kind_broken(kind, error, since)

    def _kind_works(self, kind: _Kind) -> None:
        kind.error = None
        kind.broken_since = None
        kind.listed.set()
        self._note_reachable()

    def _kind_broken(self, kind: _Kind, error: GitOpsError, since: datetime) -> None:
        told = kind.error is not None and str(kind.error) == str(error)
        kind.error = error
        kind.broken_since = since
        if isinstance(error, ClusterUnreachable):
            self._note_broken(error)
        else:
            kind.listed.set()  # its own trouble, for those who use the kind
            if not told:
                log.warning(
                    "kind cannot be watched",
                    cluster=self.cluster.name,
                    kind=str(kind.type.group_kind),
                    error=str(error),
                )

    def _note_broken(self, error: ClusterError) -> None:
        if self.unreachable is None:
            log.warning("cluster unreachable", cluster=self.cluster.name, error=str(error))
            self.unreachable_since = self._clock.now()
            self.unreachable = ClusterUnreachable(
                f"cluster {self.cluster.name} ({self.cluster.server}) does not answer, so what it runs is not known: "
                f"{error}; it is asked again until it does"
            )
            # Those who use it look now, and again when the time of grace is over.
            self._state_changed(self.cluster)
            loop = asyncio.get_running_loop()
            loop.call_later(GRACE.total_seconds() + 0.1, self._state_changed, self.cluster)

    def _note_reachable(self) -> None:
        self.synced_at = self._clock.now()
        if self.unreachable is not None:
            log.info("cluster reachable again", cluster=self.cluster.name)
            self.unreachable = None
            self.unreachable_since = None
            self._state_changed(self.cluster)


def _api_versions(types: tuple[ResourceType, ...]) -> tuple[str, ...]:
    """As Helm's `.Capabilities.APIVersions` wants them: `apps/v1` and `apps/v1/Deployment`."""
    found: set[str] = set()
    for each in types:
        version = f"{each.group}/{each.version}" if each.group else each.version
        found |= {version, f"{version}/{each.kind}"}
    return tuple(sorted(found))


def _lean(manifest: dict[str, object]) -> dict[str, object]:
    """Drops what only matters for objects someone manages."""
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict) and "managedFields" in metadata and not _is_tracked(metadata):
        del metadata["managedFields"]
    return manifest


def _is_tracked(metadata: dict[str, object]) -> bool:
    annotations = metadata.get("annotations")
    labels = metadata.get("labels")
    return bool(
        (isinstance(annotations, dict) and "argocd.argoproj.io/tracking-id" in annotations)
        or (isinstance(labels, dict) and "app.kubernetes.io/instance" in labels)
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
        if present is not None and present[0].cluster == cluster:
            return present[0]
        if present is not None:
            present[1].cancel()
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
        task = self._tasks.create_task(live.serve(), name=f"cluster {cluster.name}")
        self._open[cluster.server] = (live, task)
        return live

    def opened(self, server: str) -> LiveCluster | None:
        present = self._open.get(server)
        return present[0] if present else None

    def close_unregistered(self) -> None:
        known = {each.server for each in self._registered()}
        for server in [each for each in self._open if each not in known]:
            _, task = self._open.pop(server)
            task.cancel()

    def all_open(self) -> list[LiveCluster]:
        return [live for live, _ in self._open.values()]
