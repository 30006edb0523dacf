"""One visit to one application: look, compare, tell, and maybe start a sync."""

import traceback
from datetime import datetime, timedelta

import structlog

from adapters.clock import Clock
from adapters.repo_client import CachePolicy
from adapters.store.store import Store
from app_controller.metrics import Metrics
from app_controller.reconcile.deletion import Deletion
from app_controller.reconcile.examination import BASELINE, TARGET, Examined, Examiner, sources_of
from app_controller.reconcile.operation import Operations
from app_controller.reconcile.outcome import SETTLED, Outcome, again_in, outcome_of
from app_controller.reconcile.status import Findings, conditions_patch, findings_of_error, status_patch
from app_controller.reconcile.views import View, Views
from gitops.compare import resource_statuses
from gitops.health.assess import assess
from gitops.manifest.annotations import REFRESH, SKIP_RECONCILE
from gitops.model.application import Application, AppName
from gitops.model.errors import Conflict, GitOpsError, InvalidSpec, NotFound, SourceError
from gitops.model.operation import Operation
from gitops.model.resource import Manifest, ResourceKey
from gitops.model.status import SyncCode
from gitops.sync.autosync import Decision, Skip, Wait, decide_autosync, superseded
from gitops.sync.autosync import Findings as AutosyncFindings
from gitops.sync.windows import Target, may_sync
from gitops.tree.ownership import application_tree
from gitops.tree.summary import summary_of

log = structlog.get_logger()


class ApplicationReconciler:
    def __init__(
        self,
        *,
        store: Store,
        examiner: Examiner,
        operations: Operations,
        views: Views,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._examiner = examiner
        self._operations = operations
        self._views = views
        self._clock = clock
        self._metrics = metrics
        self._deletion = Deletion(store, examiner, clock)
        self._attempts: dict[AppName, int] = {}

    async def visit(self, name: AppName) -> timedelta | None:
        """When to come again by ourselves; changes bring us back sooner."""
        began = self._clock.now()
        try:
            outcome = await self._reconcile(name)
            self._attempts.pop(name, None)
        except (Conflict, NotFound):
            # The Application moved on while we looked: look again at once.
            return timedelta(milliseconds=50)
        except GitOpsError as error:
            outcome = self._after_error(name, error)
        except Exception:  # a bug must not stop the other applications
            log.error("visit failed", application=str(name), trace=traceback.format_exc())
            outcome = self._after_error(name, GitOpsError("internal error; the controller's log says more"))
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
        self._operations.notice(app)
        refresh = app.metadata.annotations.get(REFRESH, "")
        try:
            examined = await self._examine(app, raw, refresh)
        except GitOpsError as error:
            if not isinstance(error, SourceError):
                self._views.forget(name)  # with nothing wrong but the source, what lives is still seen as it is
            await self._publish(app, findings_of_error(error, app), refreshed=bool(refresh))
            raise
        self._views.put(name, View(examined.comparison, examined.desired, examined.live))
        decision = await self._decision(app, raw, examined)
        app = await self._publish(app, _findings(app, examined, decision), refreshed=bool(refresh))
        return await self._act_on(app, decision)

    async def _readable(self, name: AppName) -> Application | None:
        try:
            return self._store.applications.get(name)
        except InvalidSpec as error:
            patch = conditions_patch(self._store.applications.raw(name) or {}, error, now=self._clock.now())
            if patch:
                await self._store.applications.patch(name, patch)
            raise

    async def _examine(self, app: Application, raw: Manifest, refresh: str) -> Examined:
        return await self._examiner.examine(
            app,
            sources_of(raw),
            purpose=TARGET,
            asked_after=self._clock.now() if refresh else None,
            policy=CachePolicy.BYPASS if refresh == "hard" else CachePolicy.USE,
        )

    async def _publish(self, app: Application, findings: Findings, *, refreshed: bool) -> Application:
        """The Application with its new status, which is written only if there is something new to tell."""
        raw = self._store.applications.raw(app.key)
        if raw is None:
            raise NotFound(f"{app.key} was deleted meanwhile")
        patch = status_patch(raw, app, findings, now=self._clock.now(), refreshed=refreshed)
        if patch:
            await self._store.applications.patch(app.key, patch)
        return self._store.applications.get(app.key) or app

    # --- deciding -----------------------------------------------------------------------------------

    async def _decision(self, app: Application, raw: Manifest, examined: Examined) -> Decision:
        """Whether to start a sync by ourselves, or why not."""
        problem = next((message for type, message in examined.problems if type.endswith("Error")), None)
        if problem is not None:
            return Skip(f"nothing is changed while there is a problem: {problem}")
        try:
            found = _found(examined, await self._drifted(app, examined))
        except GitOpsError as error:
            return Skip(f"what was deployed last cannot be compared, so drift is not healed: {error}", error=True)
        if self._operations.running(app.key):
            state = app.status.operation_state
            if state is not None and superseded(state, found):
                self._operations.supersede(app.key)
            return Skip("another operation is in progress")
        decision = decide_autosync(app, found, now=self._clock.now())
        return self._unless_blocked(app, decision)

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
                return self._later()
            case Wait(duration):
                return again_in(duration)
            case _:
                return self._later()

    def _later(self) -> Outcome:
        return again_in(self._store.settings().reconciliation_timeout)

    # --- the rest -----------------------------------------------------------------------------------

    async def _delete(self, app: Application) -> Outcome:
        self._operations.abandon(app.key)
        self._views.forget(app.key)
        return await self._deletion.visit(app)

    def _forget(self, name: AppName) -> None:
        self._operations.abandon(name)
        self._views.forget(name)
        self._examiner.forget(name)
        self._attempts.pop(name, None)

    def _after_error(self, name: AppName, error: GitOpsError) -> Outcome:
        attempt = self._attempts.get(name, 0)
        self._attempts[name] = attempt + 1
        log.info("not reconciled", application=str(name), reason=error.reason, error=str(error))
        return outcome_of(error, attempt=attempt, refresh_interval=self._store.settings().reconciliation_timeout)

    def _observe(self, name: AppName, began: datetime) -> None:
        app = self._store.applications.get(name)
        if app is not None:
            taken = self._clock.now() - began
            server = app.spec.destination.server or app.spec.destination.name
            self._metrics.reconciles.labels(name.namespace, server).observe(taken.total_seconds())


def _findings(app: Application, examined: Examined, decision: Decision) -> Findings:
    conditions = examined.problems
    if isinstance(decision, Skip) and decision.error:
        conditions = (*conditions, ("SyncError", decision.reason))
    tree = application_tree(examined.comparison.objects, examined.live.mirror.children, assess)
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
    )
