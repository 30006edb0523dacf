"""Owns every loop of the controller, in one TaskGroup.

Watches, polls, pushes and finished operations put keys into the two queues; workers take a key, look
at the world as it is, and make an appointment for the next look. Nothing else connects the parts.
"""

import asyncio
import traceback
from collections.abc import Iterable
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry

from adapters.clock import Clock
from adapters.jq.engine import JqEngine
from adapters.repo_client import RepoClient
from adapters.store import settings_values as argocd
from adapters.store.feed import DELETED, Changed, Feed, Resync
from adapters.store.store import Store
from app_controller.desired import DesiredStates
from app_controller.live.clusters import Clusters
from app_controller.live.interest import Interest
from app_controller.metrics import Metrics
from app_controller.reconcile.announcer import Announcer
from app_controller.reconcile.application import ApplicationReconciler
from app_controller.reconcile.appset import AppSetReconciler
from app_controller.reconcile.comparison import Comparer
from app_controller.reconcile.examination import Examiner, tracking_of
from app_controller.reconcile.operation import Operations
from app_controller.reconcile.preparation import SyncPreparation
from app_controller.reconcile.views import Views
from app_controller.revisions import Revisions
from app_controller.settings import Settings
from app_controller.work_queue import WorkQueue
from gitops.manifest.annotations import SECRET_TYPE_LABEL
from gitops.manifest.tracking import app_name_of_instance
from gitops.model.application import AppName
from gitops.model.appset import AppSetName
from gitops.model.operation import OperationPhase
from gitops.model.repository import Cluster
from gitops.model.resource import Manifest, ResourceKey, labels_of

log = structlog.get_logger()

AFTER_A_BUG = timedelta(minutes=1)
PATIENCE = timedelta(seconds=2)  # a visit that takes longer is waiting for somebody


class Controller:
    def __init__(
        self, settings: Settings, store: Store, repo: RepoClient, clock: Clock, registry: CollectorRegistry
    ) -> None:
        self._settings = settings
        self._store = store
        self._repo = repo
        self.queue: WorkQueue[AppName] = WorkQueue()
        self.set_queue: WorkQueue[AppSetName] = WorkQueue()
        self.views = Views()
        self._interest = Interest()
        self._announcer = Announcer(store, clock)
        self.clusters = Clusters(
            registered=store.clusters.all,
            owner=self._owner,
            sink=self,
            excluded=lambda group_kind, server: store.settings().excludes(*group_kind, server),
            clock=clock,
            state_changed=self._cluster_state_changed,
        )
        self.metrics = Metrics(
            registry,
            applications=store.applications.all,
            clusters=self.clusters.all_open,
            queue_length=lambda: len(self.queue),
        )
        self.revisions = Revisions(
            repo, clock, interval=self._poll_interval, moved=self._references_moved, polls=self.metrics.polls
        )
        self._jq = JqEngine(settings.jq_time)
        examiner = Examiner(
            store=store,
            clusters=self.clusters,
            revisions=self.revisions,
            desired=DesiredStates(repo, store.namespace, lambda: store.settings().kustomize),
            comparer=Comparer(self.metrics, self._jq),
            clock=clock,
            control_namespace=store.namespace,
        )
        self.operations = Operations(
            store=store,
            preparation=SyncPreparation(store, examiner, clock, self._jq),
            clock=clock,
            metrics=self.metrics,
            deadline=settings.operation_deadline,
            wave_pause=settings.wave_pause,
            ended=self.queue.add,
            tell=self._announcer.tell,
        )
        self._applications = ApplicationReconciler(
            store=store,
            examiner=examiner,
            operations=self.operations,
            views=self.views,
            interest=self._interest,
            clock=clock,
            metrics=self.metrics,
            tell=self._announcer.tell,
        )
        self._sets = AppSetReconciler(store=store, repo=repo, revisions=self.revisions, clock=clock)

    async def serve(self) -> None:
        """Runs until cancelled; a loop that fails takes the others down with it."""
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self.clusters.serve())
                loops.create_task(self.revisions.serve())
                loops.create_task(self._follow_repo_server())
                loops.create_task(self.operations.serve())
                loops.create_task(self._announcer.serve())
                await asyncio.sleep(0)  # their task groups open before the first key is taken
                loops.create_task(self._follow_applications())
                loops.create_task(self._follow_sets())
                loops.create_task(self._follow_settings())
                loops.create_task(self._follow_registrations())
                loops.create_task(self._follow_projects())
                loops.create_task(self._visit_applications(loops))
                loops.create_task(self._visit_sets())
        finally:
            await self._jq.close()

    # --- keys in ------------------------------------------------------------------------------------

    async def _follow_applications(self) -> None:
        seen: dict[AppName, Manifest] = {}
        # Writes that failed while the management cluster was away wait for a later visit: it is now.
        with self._store.applications.changes(recoveries=True) as feed:
            self._visit_all_applications()
            async for change in feed:
                match change:
                    case Resync():
                        self._visit_all_applications()
                    case Changed(name, raw, kind):
                        # Not by a visit: one that hangs must not keep people from ending the operation.
                        self.operations.hear(name, raw)
                        if kind == DELETED or _asks_for_more(seen.get(name), raw):
                            self.queue.add(name)
                            self._visit_owner_set(raw)
                        if kind == DELETED:
                            seen.pop(name, None)
                        else:
                            seen[name] = raw

    async def _follow_sets(self) -> None:
        seen: dict[AppName, Manifest] = {}
        with self._store.appsets.changes(recoveries=True) as feed:
            self._visit_all_sets()
            async for change in feed:
                match change:
                    case Resync():
                        self._visit_all_sets()
                    case Changed(name, raw, kind):
                        if kind == DELETED or _asks_for_more(seen.get(name), raw):
                            self.set_queue.add(AppSetName(name.namespace, name.name))
                        if kind == DELETED:
                            seen.pop(name, None)
                        else:
                            seen[name] = raw

    async def _follow_settings(self) -> None:
        known = self._store.settings()
        with self._store.settings.changes() as feed:
            async for change in feed:
                if isinstance(change, Changed) and change.raw.get("kind") == "Secret":
                    continue  # what sessions and logins are checked with
                known = self._settings_changed(known)
                self._visit_all_applications()
                self._visit_all_sets()

    async def _follow_registrations(self) -> None:
        """Clusters and repositories."""
        with Feed(_is_registration) as feed:
            self._store.attach_registrations(feed)
            async for _ in feed:
                self.clusters.close_unregistered()
                self._visit_all_applications()
                self._visit_all_sets()

    async def _follow_repo_server(self) -> None:
        """Who hangs says nothing: that it does is found out by asking."""
        async for _ in self._repo.losses():
            self.revisions.doubt()

    async def _follow_projects(self) -> None:
        with self._store.projects.changes() as feed:
            async for change in feed:
                for raw in self._store.applications.raws():
                    if isinstance(change, Resync) or (raw.get("spec") or {}).get("project") == change.name.name:
                        self.queue.add(AppName(raw["metadata"]["namespace"], raw["metadata"]["name"]))

    def _settings_changed(self, before: argocd.Settings) -> argocd.Settings:
        """Mirrors follow what the settings say about marks and about kinds to leave alone."""
        now = self._store.settings()
        for live in self.clusters.all_open():
            if tracking_of(now) != tracking_of(before):
                live.mirror.index_anew()
            if (now.exclusions, now.inclusions) != (before.exclusions, before.inclusions):
                live.look_again()
        return now

    def _visit_all_applications(self) -> None:
        for name in self._store.applications.names():
            self.queue.add(name)

    def _visit_all_sets(self) -> None:
        for name in self._store.appsets.names():
            self.set_queue.add(AppSetName(name.namespace, name.name))

    def _visit_owner_set(self, raw: Manifest) -> None:
        for reference in raw["metadata"].get("ownerReferences") or ():
            if reference.get("kind") == "ApplicationSet":
                self.set_queue.add(AppSetName(raw["metadata"]["namespace"], reference["name"]))

    def managed_object_changed(self, server: str, instance: str, key: ResourceKey) -> None:
        name = self._named(instance)
        if self._store.applications.raw(name) is None:
            return  # another installation's, or left behind by an application that is gone
        self.queue.add(name)
        self.operations.wake(name)
        self.views.touched(name)

    def object_changed(self, server: str, key: ResourceKey) -> None:
        """Objects below managed ones matter to those who look at a tree; unmarked ones to who wants them."""
        for name in tuple(self._interest.in_object(server, key)):
            self.queue.add(name)
            self.operations.wake(name)
            self.views.touched(name)
        if self.views.watched:
            live = self.clusters.opened(server)
            instance = live.mirror.root_instance(key) if live is not None else None
            if instance is not None:
                self.views.touched(self._named(instance))

    def _cluster_state_changed(self, cluster: Cluster) -> None:
        for app in self._store.applications.all():
            destination = app.spec.destination
            if cluster.server == destination.server.rstrip("/") or cluster.name == destination.name:
                self.queue.add(app.key)

    def _references_moved(self, followers: Iterable[object]) -> None:
        for follower in followers:
            if isinstance(follower, AppName):
                self.queue.add(follower)
            elif isinstance(follower, AppSetName):
                self.set_queue.add(follower)

    # --- visits -------------------------------------------------------------------------------------

    async def _visit_applications(self, visits: asyncio.TaskGroup) -> None:
        """So many at one moment; one that waits for something slow (a repository, a cluster) gives its place away."""
        places = asyncio.Semaphore(self._settings.workers)
        while True:
            await places.acquire()
            name = await self.queue.take()
            visits.create_task(self._visit_application(name, _Place(places)), name=f"visit {name}")

    async def _visit_application(self, name: AppName, place: "_Place") -> None:
        delay: timedelta | None = AFTER_A_BUG
        try:
            delay = await self._applications.visit(name)
        except Exception:  # also what is done about errors may fail; the other applications go on
            log.error("visit failed for good", application=str(name), trace=traceback.format_exc())
        finally:
            place.give_away()
            self.queue.settle(name, again_in=delay)

    async def _visit_sets(self) -> None:
        while True:
            name = await self.set_queue.take()
            delay: timedelta | None = AFTER_A_BUG
            try:
                delay = await self._sets.visit(name)
            except Exception:
                log.error("visit failed for good", applicationset=str(name), trace=traceback.format_exc())
            finally:
                self.set_queue.settle(name, again_in=delay)

    # --- what the parts ask -------------------------------------------------------------------------

    def _owner(self, manifest: Manifest) -> str | None:
        return tracking_of(self._store.settings()).owner_of(manifest)

    def _poll_interval(self) -> timedelta:
        return self._settings.poll_interval or self._store.settings().reconciliation_timeout

    def _named(self, instance: str) -> AppName:
        return app_name_of_instance(instance, self._store.namespace)


class _Place:
    """One of the places for visits, given away at the end of the visit, or when that is long in coming."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._late = asyncio.get_running_loop().call_later(PATIENCE.total_seconds(), self.give_away)
        self._given = False

    def give_away(self) -> None:
        if not self._given:
            self._given = True
            self._late.cancel()
            self._places.release()


def _is_registration(secret: Manifest) -> bool:
    return SECRET_TYPE_LABEL in labels_of(secret)


def _asks_for_more(before: Manifest | None, after: Manifest) -> bool:
    """Whether a change of an Application is one to look at; what a visit itself writes is not."""
    return before is None or _asked(before) != _asked(after)


def _asked(raw: Manifest) -> tuple[object, ...]:
    metadata = raw["metadata"]
    terminating = ((raw.get("status") or {}).get("operationState") or {}).get("phase") == OperationPhase.TERMINATING
    return (
        raw.get("spec"),
        raw.get("operation"),
        metadata.get("annotations"),
        metadata.get("deletionTimestamp"),
        metadata.get("finalizers"),
        terminating,
    )
