"""One visit to one application: look, compare, tell, and maybe start a sync."""

import traceback
import zlib
from datetime import datetime, timedelta

import structlog

from adapters.clock import Clock
from adapters.repo_client import CachePolicy
from adapters.store.events import RESOURCE_UPDATED
from adapters.store.store import Store
from app_controller.live.interest import Interest
from app_controller.live.reachability import MayPass
from app_controller.metrics import Metrics
from app_controller.reconcile.announcer import Tell
from app_controller.reconcile.deletion import Deletion
from app_controller.reconcile.examination import BASELINE, TARGET, Examined, Examiner, sources_of
from app_controller.reconcile.operation import Operations
from app_controller.reconcile.outcome import SETTLED, Outcome, again_in, outcome_of
from app_controller.reconcile.status import (
    Findings,
    destination_of,
    findings_of_error,
    has_moved_on,
    status_patch,
    transitions,
    unreadable_patch,
)
from app_controller.reconcile.status_size import ROOM, is_too_large, less
from app_controller.reconcile.views import View, Views
from gitops.compare import resource_statuses
from gitops.health.assess import assess
from gitops.manifest.annotations import REFRESH, SKIP_RECONCILE
from gitops.model.application import Application, AppName
from gitops.model.errors import ClusterRefused, Conflict, GitOpsError, InvalidSpec, NotFound, SourceError
from gitops.model.operation import Operation
from gitops.model.resource import Manifest, ResourceKey
from gitops.model.status import SyncCode
from gitops.sync.autosync import Decision, Skip, Wait, decide_autosync, outdated, superseded
from gitops.sync.autosync import Findings as AutosyncFindings
from gitops.sync.windows import Target, may_sync
from gitops.tree.ownership import application_tree
from gitops.tree.summary import summary_of

log = structlog.get_logger()

AT_ONCE = timedelta(milliseconds=50)


class ApplicationReconciler:
    def __init__(
        self,
        *,
        store: Store,
        examiner: Examiner,
        operations: Operations,
        views: Views,
        interest: Interest,
        clock: Clock,
        metrics: Metrics,
        tell: Tell,
    ) -> None:
        self._store = store
        self._examiner = examiner
        self._operations = operations
        self._views = views
        self._interest = interest
        self._clock = clock
        self._metrics = metrics
        self._tell = tell
        self._deletion = Deletion(store, examiner, clock)
        self._attempts: dict[AppName, int] = {}
        self._rooms: dict[AppName, int] = {}  # of applications whose API server stores less than most

    async def visit(self, name: AppName) -> timedelta | None:
        """When to come again by ourselves; changes bring us back sooner."""
        began = self._clock.now()
        try:
            outcome = await self._reconcile(name)
            self._attempts.pop(name, None)
        except (Conflict, NotFound):
            # The Application moved on while we looked: look again at once, if it goes on like that less often.
            outcome = again_in(AT_ONCE * (1 << min(self._one_more(name), 10)))
        except GitOpsError as error:
            outcome = self._after_error(name, error)
        except Exception:  # a bug must not stop the other applications
            log.error("visit failed", application=str(name), trace=traceback.format_exc())
            unexpected = GitOpsError("internal error; the controller's log says more")
            await self._publish_unexpected(name, unexpected)
            outcome = self._after_error(name, unexpected)
        self._observe(name, began)
        return outcome.again_in

    async def _reconcile(self, name: AppName) -> Outcome:
        raw = self._store.applications.raw(name)
        app = await self._readable(name)
        if app is None or raw is None:
            self._forget(name)
            return SETTLED
        if app.metadata.deletion_timestamp:
            return await self._delete(app)
        if app.metadata.annotations.get(SKIP_RECONCILE) == "true":
            return SETTLED
        await self._operations.mend(app)
        self._operations.notice(app, raw)
        refresh = app.metadata.annotations.get(REFRESH, "")
        try:
            examined = await self._examine(app, raw, refresh)
        except MayPass:
            raise  # nothing is said of an API server that is away for a moment; a refresh is still asked for
        except GitOpsError as error:
            if not isinstance(error, SourceError):
                self._views.forget(name)  # with nothing wrong but the source, what lives is still seen as it is
            await self._publish(app, raw, findings_of_error(error, app), refreshed=bool(refresh))
            raise
        self._views.put(name, View(examined.comparison, examined.desired, examined.live))
        self._interest.put(name, examined.live.cluster.server, self._unmarked(app, examined))
        # Before anybody reads Synced and deletes it: its hooks have to be run then.
        app = await self._deletion.reckon_with(app, examined.desired.hooks)
        decision = await self._decision(app, examined)
        app = await self._publish(app, raw, _findings(app, examined, decision), refreshed=bool(refresh))
        return await self._act_on(app, decision)

    async def _readable(self, name: AppName) -> Application | None:
        try:
            return self._store.applications.get(name)
        except InvalidSpec as error:
            await self._publish_unreadable(name, error)
            raise

    async def _publish_unreadable(self, name: AppName, error: GitOpsError) -> None:
        patch = unreadable_patch(self._store.applications.raw(name) or {}, error, now=self._clock.now())
        if patch:
            await self._store.applications.patch(name, patch)

    async def _publish_unexpected(self, name: AppName, error: GitOpsError) -> None:
        try:
            await self._publish_unreadable(name, error)
        except GitOpsError as failure:
            log.info("status not written", application=str(name), error=str(failure))

    def _unmarked(self, app: Application, examined: Examined) -> frozenset[ResourceKey]:
        """What the application wants although its mark does not show it: missing, unmarked or other people's."""
        own = self._examiner.instance_of(app)
        mirror = examined.live.mirror
        return frozenset(each.key for each in examined.desired.objects if mirror.instance_of(each.key) != own)

    async def _examine(self, app: Application, raw: Manifest, refresh: str) -> Examined:
        if refresh == "hard":
            self._examiner.forget_verdicts(app.key)
        return await self._examiner.examine(
            app,
            sources_of(raw),
            purpose=TARGET,
            asked_after=self._clock.now() if refresh else None,
            policy=CachePolicy.BYPASS if refresh == "hard" else CachePolicy.USE,
        )

    async def _publish(self, app: Application, begun: Manifest, findings: Findings, *, refreshed: bool) -> Application:
        """The Application with its new status, which is written only if there is something new to tell.

        `begun` is the Application as the visit found it: findings about another one are not told.
        """
        raw = self._store.applications.raw(app.key)
        if raw is None:
            raise NotFound(f"{app.key} was deleted meanwhile")
        if has_moved_on(begun, raw):
            raise Conflict(f"{app.key} was changed meanwhile")
        if await self._write_status(raw, app, findings, refreshed=refreshed):
            for message in transitions(raw, findings):
                self._tell(app, RESOURCE_UPDATED, message)
        return self._store.applications.get(app.key) or app

    async def _write_status(self, raw: Manifest, app: Application, findings: Findings, *, refreshed: bool) -> bool:
        """Whether there was something to write. What does not fit is left out, now and from now on."""
        room = self._rooms.get(app.key, ROOM)
        while patch := status_patch(
            raw,
            app,
            findings,
            now=self._clock.now(),
            refreshed=refreshed,
            room=room,
            controller_namespace=self._store.namespace,
        ):
            try:
                await self._store.applications.patch(app.key, patch)
            except ClusterRefused as refusal:
                if not is_too_large(refusal) or not room:
                    raise
                room = self._rooms[app.key] = less(room)
                log.warning("status too large", application=str(app.key), next_try=room)
                continue
            return True
        return False

    # --- deciding -----------------------------------------------------------------------------------

    async def _decision(self, app: Application, examined: Examined) -> Decision:
        """Whether to start a sync by ourselves, or why not."""
        problem = next((message for type, message in examined.problems if type.endswith("Error")), None)
        if problem is not None:
            return Skip(f"nothing is changed while there is a problem: {problem}")
        if self._operations.running(app.key):
            self._tell_running(app, _found(examined, ()))
            return Skip("another operation is in progress")
        try:
            found = _found(examined, await self._drifted(app, examined))
        except GitOpsError as error:
            return Skip(f"what was deployed last cannot be compared, so drift is not healed: {error}", error=True)
        decision = decide_autosync(app, found, now=self._clock.now())
        return self._unless_blocked(app, decision)

    def _tell_running(self, app: Application, found: AutosyncFindings) -> None:
        """A running operation has to know that Git has moved on."""
        state = app.status.operation_state
        if state is not None and superseded(state, found):
            self._operations.supersede(app.key)
        elif state is not None and outdated(state, found):
            self._operations.outdate(app.key)

    async def _drifted(self, app: Application, examined: Examined) -> tuple[ResourceKey, ...]:
        """Where new commits wait: what equals neither the last deployment nor the target revision."""
        automated = app.spec.automated
        waits = automated is not None and automated.self_heal and not automated.syncs_new_commits
        apart = {each.key for each in examined.comparison.objects if each.code != SyncCode.SYNCED}
        if not waits or not app.status.history or not apart:
            return ()
        deployed = app.status.history[-1]
        sources = list(deployed.sources) if isinstance(deployed.sources, tuple) else [deployed.source]
        revisions = deployed.revisions if isinstance(deployed.revisions, tuple) else (deployed.revision,)
        if not all(isinstance(each, dict) for each in sources):
            return ()
        baseline = await self._examiner.examine(app, sources, purpose=BASELINE, revisions=revisions)  # type: ignore[arg-type]
        return tuple(
            each.key
            for each in baseline.comparison.objects
            if each.is_out_of_sync and not each.requires_pruning and (each.key in apart or each.live is None)
        )

    def _unless_blocked(self, app: Application, decision: Decision) -> Decision:
        if not isinstance(decision, Operation):
            return decision
        project = self._examiner.project(app)
        cluster = self._examiner.destination(app).cluster
        verdict = may_sync(
            project.spec.sync_windows,
            Target.of(app, cluster.server, cluster.name),
            now=self._clock.now(),
            manual=False,
        )
        return decision if verdict.allowed else Skip(verdict.reason)

    async def _act_on(self, app: Application, decision: Decision) -> Outcome:
        match decision:
            case Operation():
                await self._operations.start(app, decision)
                return self._later(app.key)
            case Wait(duration):
                return again_in(duration)
            case _:
                return self._later(app.key)

    def _later(self, name: AppName) -> Outcome:
        """At the next refresh, which is not the same moment for all."""
        settings = self._store.settings()
        spread = zlib.crc32(str(name).encode()) / 2**32
        return again_in(settings.reconciliation_timeout + settings.reconciliation_jitter * spread)

    # --- the rest -----------------------------------------------------------------------------------

    async def _delete(self, app: Application) -> Outcome:
        self._views.forget(app.key)
        if self._operations.running(app.key):
            # What it still writes must be known before anything is deleted. Its end brings us back.
            self._operations.abandon(app.key)
            return again_in(timedelta(seconds=10))
        return await self._deletion.visit(app)

    def _forget(self, name: AppName) -> None:
        self._operations.abandon(name)
        self._views.forget(name)
        self._interest.forget(name)
        self._examiner.forget(name)
        self._metrics.forget(name)
        self._attempts.pop(name, None)
        self._rooms.pop(name, None)

    def _after_error(self, name: AppName, error: GitOpsError) -> Outcome:
        attempt = self._one_more(name)
        log.info("not reconciled", application=str(name), reason=error.reason, error=str(error))
        return outcome_of(error, attempt=attempt, refresh_interval=self._store.settings().reconciliation_timeout)

    def _one_more(self, name: AppName) -> int:
        """How many visits in a row came to nothing before this one."""
        attempt = self._attempts.get(name, 0)
        self._attempts[name] = attempt + 1
        return attempt

    def _observe(self, name: AppName, began: datetime) -> None:
        raw = self._store.applications.raw(name)
        if raw is not None:
            taken = self._clock.now() - began
            self._metrics.reconciles.labels(name.namespace, destination_of(raw)).observe(taken.total_seconds())


def _findings(app: Application, examined: Examined, decision: Decision) -> Findings:
    conditions = examined.problems
    if isinstance(decision, Skip) and decision.error:
        conditions = (*conditions, ("SyncError", decision.reason))
    tree = application_tree(examined.comparison.objects, examined.reach.below(examined.live.mirror.children), assess)
    return Findings(
        sync_code=examined.comparison.code,
        health=examined.comparison.health,
        conditions=conditions,
        resources=resource_statuses(examined.comparison, with_health=False),
        desired=examined.desired,
        summary=summary_of(tree["nodes"], app.metadata.annotations),
    )


def _found(examined: Examined, drifted: tuple[ResourceKey, ...]) -> AutosyncFindings:
    compared = [each for each in examined.comparison.objects if each.code and not each.ignored]
    revisions = examined.desired.revisions
    several = len(revisions) > 1
    return AutosyncFindings(
        status=examined.comparison.code,
        revision="" if several else examined.desired.revision,
        revisions=revisions if several else (),
        out_of_sync=tuple(each.key for each in compared if each.is_out_of_sync),
        extraneous=tuple(each.key for each in compared if each.requires_pruning),
        total=len(compared),
        drifted=drifted,
        foreign=examined.foreign,
        sources=examined.desired.sources,
    )
