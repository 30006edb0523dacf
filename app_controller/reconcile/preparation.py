"""What an operation asks for, as tasks: rendered at its revision and compared with the cluster as it is now."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from adapters.clock import Clock
from adapters.jq.engine import JqEngine
from adapters.store.store import Store
from app_controller.desired import RawSource
from app_controller.reconcile.attempt_terms import Prepared
from app_controller.reconcile.examination import OPERATION, Examined, Examiner, sources_of
from app_controller.reconcile.ignored import IgnoredPaths
from app_controller.reconcile.reach import Reach, how_to_share
from app_controller.revisions import is_commit
from gitops.compare import ObjectComparison
from gitops.diff.ignore import respecting
from gitops.manifest.annotations import deletion_approved_at
from gitops.model.application import Application, AppName
from gitops.model.errors import GitOpsError, InvalidRequest, NotFound, NotPermitted
from gitops.model.moments import parse_rfc3339, rfc3339
from gitops.model.operation import OperationState, ResultCode, SyncOperation, SyncResult
from gitops.model.resource import Manifest
from gitops.sync.hooks import Attempt
from gitops.sync.options import app_options
from gitops.sync.tasks import Settled, Subject, SyncIntent, SyncTask, tasks_for
from gitops.sync.windows import Target, may_sync


class SyncPreparation:
    def __init__(self, store: Store, examiner: Examiner, clock: Clock, jq: JqEngine) -> None:
        self._store = store
        self._examiner = examiner
        self._clock = clock
        self._jq = jq

    async def prepare(self, name: AppName, state: OperationState) -> Prepared:
        """Raises whatever stands in the way of knowing what to do; nothing has been changed then."""
        app = self._store.applications.get(name)
        raw = self._store.applications.raw(name)
        if app is None or raw is None:
            raise NotFound(f"application {name} was deleted")
        operation = state.operation.sync
        if operation is None:
            raise InvalidRequest("the operation asks for nothing; set operation.sync")
        if operation.manifests:
            raise InvalidRequest("syncing local manifests is not supported; push them to Git")
        sources = _sources_asked(operation, state, sources_of(raw))
        examined = await self._examiner.examine(
            app, sources, purpose=OPERATION, revisions=_revisions_asked(operation, state)
        )
        intent = self._intent(app, operation, state, examined)
        if intent.options.fail_on_shared_resource:
            _refuse_shared(examined)
        tasks = tasks_for(
            await self._subjects(app, examined, respecting_ignored=intent.options.respect_ignore_differences),
            examined.desired.hooks,
            intent,
            examined.live.mirror.get,
        )
        manual = not state.operation.initiated_by.automated
        takes_over = manual and intent.options.fail_on_shared_resource is False
        if not takes_over:
            tasks = _without_others(
                tasks, examined.reach, begun=bool(state.sync_result and state.sync_result.resources)
            )
        return Prepared(
            tasks=_unless_approved(tasks) if _wipes_out(app, operation, examined) else tasks,
            result=_result(app, sources, examined),
            live=examined.live,
            door=self._examiner.door(app, examined.live, takes_over=takes_over),
            dry_run=operation.dry_run,
            partial=intent.partial,
            pinned=_is_pinned(operation),
            blocked=self._blocked(app, manual=manual),
        )

    async def _subjects(self, app: Application, examined: Examined, *, respecting_ignored: bool) -> list[Subject]:
        compared = _compared(examined)
        if not respecting_ignored:
            return [_subject(each, each.desired) for each in compared]
        rules = self._examiner.rules_of(app)
        ignored = IgnoredPaths(self._jq, app.key, rules)
        subjects = []
        for each in compared:
            desired = each.desired
            if desired is not None and each.live is not None:
                desired = respecting(desired, each.live, rules, await ignored.of(each.live))
            subjects.append(_subject(each, desired))
        return subjects

    def _blocked(self, app: Application, *, manual: bool) -> Callable[[datetime | None], str]:
        def blocked(began: datetime | None) -> str:
            try:
                project = self._examiner.project(app)
                cluster = self._examiner.destination(app).cluster
            except GitOpsError as error:
                return str(error)
            target = Target.of(app, cluster.server, cluster.name)
            now = self._clock.now()
            return may_sync(project.spec.sync_windows, target, now=now, manual=manual, started=began).reason

        return blocked

    def _intent(
        self, app: Application, operation: SyncOperation, state: OperationState, examined: Examined
    ) -> SyncIntent:
        policy = app.spec.sync_policy
        started = parse_rfc3339(state.started_at or rfc3339(self._clock.now()))
        return SyncIntent(
            operation=operation,
            options=app_options(app.spec, operation),
            attempt=Attempt(started_at=started, retry_count=state.retry_count, revision=examined.desired.revision),
            namespace=app.spec.destination.namespace,
            namespace_metadata=policy.managed_namespace_metadata if policy else None,
            deletions_approved=_approved_since(app, started),
        )


def _sources_asked(operation: SyncOperation, state: OperationState, of_spec: Sequence[RawSource]) -> list[RawSource]:
    """A rollback brings the sources as they were; what a crash interrupted goes on with those it began with."""
    for each in (operation, state.sync_result):
        if each is not None and each.sources:
            return list(each.sources)
        if each is not None and each.source:
            return [each.source]
    return list(of_spec)


def _revisions_asked(operation: SyncOperation, state: OperationState) -> tuple[str, ...]:
    """What was asked for; what a crash interrupted goes on at the very commits it began with."""
    begun = state.sync_result
    if begun is not None and (begun.revision or begun.revisions):
        return begun.revisions or (begun.revision,)
    return operation.revisions or ((operation.revision,) if operation.revision else ())


def _compared(examined: Examined) -> list[ObjectComparison]:
    return [each for each in examined.comparison.objects if not each.hook and each.code]


def _subject(compared: ObjectComparison, desired: Manifest | None) -> Subject:
    return Subject(
        key=compared.key,
        desired=desired,
        live=compared.live,
        differs=compared.is_out_of_sync or compared.unmarked,
        # A dry run was asked for exactly when both sides were there and not surely equal.
        predicted=compared.live is not None and compared.is_out_of_sync and not compared.message,
    )


def _result(app: Application, sources: Sequence[RawSource], examined: Examined) -> SyncResult:
    desired, policy = examined.desired, app.spec.sync_policy
    managed = policy.managed_namespace_metadata if policy else None
    namespace = {name: value for name, value in msgspec.to_builtins(managed).items() if value} if managed else None
    if len(sources) > 1:
        listed = tuple(dict(each) for each in sources)
        return SyncResult(sources=listed, revisions=desired.revisions, managed_namespace_metadata=namespace)
    return SyncResult(revision=desired.revision, source=dict(sources[0]), managed_namespace_metadata=namespace)


def _approved_since(app: Application, started: datetime) -> bool:
    given = deletion_approved_at({"metadata": {"annotations": app.metadata.annotations}})
    return given is not None and given >= started


def _is_pinned(operation: SyncOperation) -> bool:
    """Whether it names commits, which mean the same at any time, rather than branches or nothing."""
    asked = operation.revisions or (operation.revision,)
    return all(is_commit(each) for each in asked)


def _without_others(tasks: Sequence[SyncTask], reach: Reach, *, begun: bool) -> tuple[SyncTask, ...]:
    """The same tasks, but what another application owns is left alone, and the result says so.

    Raises when nothing else would be written: a sync that did nothing must not be called a success.
    """
    left: list[str] = []

    def settled(task: SyncTask) -> SyncTask:
        owner = "" if task.prune or task.settled else reach.other_owner(task.live)
        if not owner or not task.writes:
            return task
        left.append(f"{task.key}: {how_to_share(owner)}")
        told = Settled(ResultCode.SYNC_SKIPPED, how_to_share(owner))
        return msgspec.structs.replace(task, writes=False, dry_run_first=False, settled=told)

    kept = tuple(settled(task) for task in tasks)
    if left and not begun and not any(task.writes and not task.hook for task in kept):
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        raise NotPermitted(f"nothing was synced: {left[0]}{more}")
    return kept


def _refuse_shared(examined: Examined) -> None:
    shared = [message for type, message in examined.problems if type == "SharedResourceWarning"]
    if shared:
        raise NotPermitted(f"Shared resource found: {'; '.join(shared)}; FailOnSharedResource=true forbids the sync")


def _wipes_out(app: Application, operation: SyncOperation, examined: Examined) -> bool:
    """Whether the sync would leave nothing of the application, though nobody said that it may become empty."""
    automated = app.spec.automated
    if not operation.prune or operation.dry_run or operation.resources or (automated and automated.allow_empty):
        return False
    counted = [each for each in _compared(examined) if not each.ignored]
    return bool(counted) and all(each.requires_pruning for each in counted)


def _unless_approved(tasks: Sequence[SyncTask]) -> tuple[SyncTask, ...]:
    """The same tasks, but a person has to approve every deletion."""
    return tuple(
        msgspec.structs.replace(task, needs_approval=True) if task.prune and task.settled is None else task
        for task in tasks
    )
