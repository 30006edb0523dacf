"""One target cluster as applications see it: its client, its mirror, and one watch for each of its kinds."""

import asyncio
import traceback
from collections.abc import Callable, Iterable
from contextlib import aclosing
from datetime import datetime, timedelta
from hashlib import blake2b

import structlog

from adapters.clock import Clock
from adapters.kube.client import KubeClient
from adapters.kube.discovery import Discovery
from adapters.kube.watch import Broken, Gone, Resumed, Synced, Upsert, WatchEvent, watch
from app_controller.live.kinds import DEFINES_KINDS, WHOLE_KINDS, WatchedKind, api_versions, lean
from app_controller.live.mirror import ChangeSink, Mirror, Owner
from app_controller.live.reachability import WATCHFUL, Reachability, Watchfulness
from gitops.model.errors import ClusterError, ClusterRefused, ClusterUnreachable, GitOpsError, KindNotServed
from gitops.model.repository import Cluster
from gitops.model.resource import GroupKind, ResourceKey, ResourceType

log = structlog.get_logger()

TOLD_AFTER = timedelta(milliseconds=100)
REDISCOVER_EVERY = timedelta(minutes=10)
REWATCH_AFTER = timedelta(seconds=5)
FIRST_LISTS_WITHIN = timedelta(seconds=60)


class LiveCluster:
    """A cluster that applications use: its client, its mirror and how well we see it."""

    def __init__(
        self,
        cluster: Cluster,
        client: KubeClient,
        *,
        owner: Owner,
        sink: ChangeSink,
        excluded: Callable[[GroupKind, str], bool],
        clock: Clock,
        state_changed: Callable[[Cluster], None],
        watchfulness: Watchfulness = WATCHFUL,
    ) -> None:
        self.cluster = cluster
        self.client = client
        self.mirror = Mirror(cluster.server, owner, sink)
        self.version = ""
        self.api_versions: tuple[str, ...] = ()
        self.types_digest = ""  # changes whenever a kind, a version or a scope does
        self.reachability = Reachability(cluster, self.client, clock, changed=self._changed, watchfulness=watchfulness)
        self.closed = False  # nothing is heard of the cluster any more: another view has taken over, or none
        self._excluded = excluded
        self._clock = clock
        self._state_changed = state_changed
        self._watchfulness = watchfulness
        self._types: dict[GroupKind, ResourceType] = {}
        self._all_types: dict[tuple[str, str, str], ResourceType] = {}
        self._kinds: dict[GroupKind, WatchedKind] = {}
        self._wanted_whole: set[GroupKind] = set()
        self._discovered = asyncio.Event()
        self._rediscover = asyncio.Event()
        self._discovering = asyncio.Lock()
        self._tasks: asyncio.TaskGroup | None = None
        self._telling: asyncio.TimerHandle | None = None

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

    def lies_in_a_namespace(self, key: ResourceKey) -> bool:
        """By its kind; where that is not served, by what is written."""
        known = self.is_namespaced(key.group_kind)
        return bool(key.namespace) if known is None else known

    def serves(self, group_kind: GroupKind) -> bool:
        return group_kind in self._types

    def sees(self, group_kind: GroupKind) -> bool:
        """Whether the absence of an object of this kind from the mirror means that there is none."""
        kind = self._kinds.get(group_kind)
        return kind is not None and kind.listed.is_set() and kind.error is None and not self.closed

    @property
    def kinds_watched(self) -> int:
        return len(self._kinds)

    async def ready(self, wanted: Iterable[GroupKind] = ()) -> None:
        """Waits until every kind has been listed once, and those wanted are held whole.

        Raises ClusterUnreachable, or the error of a wanted kind that cannot be watched. The error of
        any other kind stays its own (one broken CRD must not stop every application).
        """
        needed = set(wanted)
        try:
            async with asyncio.timeout(FIRST_LISTS_WITHIN.total_seconds()):
                await self._listed(needed)
        except TimeoutError:
            raise ClusterUnreachable(
                f"cluster {self.cluster.name} ({self.cluster.server}) did not list its objects within "
                f"{int(FIRST_LISTS_WITHIN.total_seconds())} s; check that its API server answers"
            ) from None
        self.reachability.check()
        for each in needed:
            kind = self._kinds.get(each)
            if kind is not None and kind.error is not None and self._is_lasting(kind):
                raise kind.error

    def _is_lasting(self, kind: WatchedKind) -> bool:
        since = kind.broken_since or self._clock.now()
        return not kind.worked or self._clock.now() - since >= self._watchfulness.grace

    async def _listed(self, needed: set[GroupKind]) -> None:
        while not self._discovered.is_set():
            self._check_alive()
            await asyncio.sleep(0.02)
        self._check_alive()
        self._want_whole(needed)
        for kind in list(self._kinds.values()):
            while not kind.listed.is_set():
                self._check_alive()
                try:
                    async with asyncio.timeout(0.25):
                        await kind.listed.wait()
                except TimeoutError:
                    continue

    def _check_alive(self) -> None:
        if self.closed:
            raise ClusterUnreachable(f"cluster {self.cluster.name} is being opened anew, with other credentials")
        self.reachability.check()
        if not self._discovered.is_set() and self.reachability.error is not None:
            raise self.reachability.error  # nothing is known that could still count

    async def rediscover(self) -> None:
        """Look for new kinds now (a desired kind was not served)."""
        await self._discover()

    def look_again(self) -> None:
        """What is to be watched has changed."""
        self._rediscover.set()

    # --- the loops ----------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Runs until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self.reachability.keep_asking(), name=f"probe {self.cluster.name}")
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
            self.closed = True
            self._state_changed(self.cluster)
            await self.client.aclose()

    async def _discovered_or_delay(self) -> timedelta:
        try:
            await self._discover()
        except GitOpsError as error:
            self.reachability.lost(error, silent=isinstance(error, ClusterUnreachable))
            return timedelta(seconds=2)
        except Exception:  # what one cluster answers must not blind us to the others
            log.error("discovery failed", cluster=self.cluster.name, trace=traceback.format_exc())
            unreadable = ClusterError("its discovery documents cannot be read; the controller's log says why")
            self.reachability.lost(unreadable, silent=False)
            return timedelta(seconds=10)
        return REDISCOVER_EVERY

    async def _discover(self) -> None:
        async with self._discovering:  # an older answer must not overwrite a newer one
            version, found = await self.client.version(), await self.client.discovery()
            self._take_types(version, found)

    def _take_types(self, version: str, found: Discovery) -> None:
        if self._tasks is None:
            raise ClusterUnreachable(f"cluster {self.cluster.name} is being closed")
        self.version = version
        types = (*found.types, *self._silent_types(found))
        preferred: dict[GroupKind, ResourceType] = {}
        for each in types:
            preferred.setdefault(each.group_kind, each)
        self._types = preferred
        self._all_types = {(each.group, each.version, each.kind): each for each in types}
        self.api_versions = api_versions(types)
        scopes = sorted(f"{each.group}/{each.version}/{each.kind}/{each.namespaced}" for each in types)
        self.types_digest = blake2b("\n".join([self.version, *scopes]).encode(), digest_size=16).hexdigest()
        self.reachability.heard()
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

    def _silent_types(self, found: Discovery) -> Iterable[ResourceType]:
        """What groups serve whose own API server does not answer at present: an outage is no absence."""
        told = {(each.group, each.version) for each in found.types}
        for (group, version, _), type in self._all_types.items():
            if f"{group}/{version}" in found.stale and (group, version) not in told:
                yield type

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
        kind = WatchedKind(type, whole)
        self._kinds[type.group_kind] = kind
        assert self._tasks is not None  # only called from the loops that serve() owns
        kind.task = self._tasks.create_task(self._keep_following(kind), name=f"watch {type.group_kind}")

    def _stop(self, group_kind: GroupKind) -> None:
        kind = self._kinds.pop(group_kind, None)
        if kind is not None and kind.task is not None:
            kind.task.cancel()

    async def _keep_following(self, kind: WatchedKind) -> None:
        while True:
            try:
                await self._follow(kind)
            except Exception:  # a bug about one kind must not blind us to the others
                log.error("watch failed", kind=str(kind.type.group_kind), trace=traceback.format_exc())
                error = ClusterError(f"{kind.type.group_kind} cannot be watched; the controller's log says why")
                self._kind_broken(kind, error, self._clock.now())
                await self._clock.sleep(REWATCH_AFTER)

    async def _follow(self, kind: WatchedKind) -> None:
        group_kind = kind.type.group_kind
        events = watch(self.client, kind.type, metadata_only=not kind.whole, clock=self._clock, transform=lean)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Broken):
                    event = await self._judged(event)
                self._take(kind, event)
                if group_kind in DEFINES_KINDS and isinstance(event, Upsert | Gone):
                    self._rediscover.set()

    async def _judged(self, event: Broken) -> Broken:
        """Silence about one kind is that kind's trouble while the cluster itself still answers.

        Credentials that are not accepted are no kind's trouble, but the cluster's.
        """
        if isinstance(event.error, ClusterRefused) and event.error.status == 401:
            self.reachability.lost(event.error, silent=False)
            return Broken(ClusterUnreachable(str(event.error)), event.since)
        unreachable = isinstance(event.error, ClusterUnreachable)
        within = self._watchfulness.fresh.total_seconds()
        if unreachable and self.reachability.error is None and await self.client.is_alive(within):
            return Broken(ClusterError(f"{event.error}, though the cluster itself answers"), event.since)
        return event

    def _take(self, kind: WatchedKind, event: WatchEvent) -> None:
        match event:
            case Upsert(manifest):
                self.mirror.told(manifest)
            case Gone(manifest):
                self.mirror.told_gone(manifest)
            case Synced(items, version):
                self.mirror.replace_kind(kind.type.group_kind, items, version)
                self._kind_works(kind)
            case Resumed():
                self._kind_works(kind)
            case Broken(error, since):
                self._kind_broken(kind, error, since)

    def _kind_works(self, kind: WatchedKind) -> None:
        mended = kind.error is not None and self._is_lasting(kind)
        kind.error = None
        kind.broken_since = None
        kind.worked = True
        kind.listed.set()
        self.reachability.heard()
        if mended:
            self._changed()

    def _kind_broken(self, kind: WatchedKind, error: GitOpsError, since: datetime) -> None:
        known = kind.error is not None
        kind.error = error
        kind.broken_since = since
        if isinstance(error, ClusterUnreachable):
            self.reachability.lost(error)
            return
        kind.listed.set()  # its own trouble, for those who use the kind
        if not known:
            name = str(kind.type.group_kind)
            log.warning("kind cannot be watched", cluster=self.cluster.name, kind=name, error=str(error))
            self._look_again_after_grace()

    def _look_again_after_grace(self) -> None:
        grace = self._watchfulness.grace.total_seconds()
        asyncio.get_running_loop().call_later(grace + 0.1, self._changed)

    def _changed(self) -> None:
        """Told in a moment: what ends or mends a watch seldom does so with one alone."""
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TOLD_AFTER.total_seconds(), self._tell)

    def _tell(self) -> None:
        self._telling = None
        self._state_changed(self.cluster)
