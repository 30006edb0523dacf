"""What came of the tasks of a sync: as kept on record, as judged by health, as told to people."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from gitops.manifest.images import images_of
from gitops.model.operation import OperationPhase, ResourceResult, ResultCode
from gitops.model.resource import ResourceKey
from gitops.model.status import Health, HealthCode
from gitops.sync.plan import Wave
from gitops.sync.protocol import Outcome, Stage, Sync
from gitops.sync.tasks import SyncTask, TaskId
from gitops.sync.wording import CREATED, told

_REASONS_SHOWN = 10


# --- on record -----------------------------------------------------------------------------------------


def to_results(sync: Sync) -> tuple[ResourceResult, ...]:
    """What `status.operationState.syncResult.resources` is to hold: all that `begin` needs to go on.

    What dry runs said is told only at the end: a record of results means that writing has begun.
    """
    ordered = [task for wave in (*sync.waves, *sync.failure_waves) for task in wave.tasks]
    in_plan = {task.id for task in ordered}
    others = [task for task in sync.tasks.values() if task.id not in in_plan]
    told = ((task, _outcome(sync, task)) for task in (*others, *ordered))
    return (*sync.carried, *(_result(task, outcome) for task, outcome in told if outcome))


def _outcome(sync: Sync, task: SyncTask) -> Outcome | None:
    if task.settled:
        return Outcome(task.settled.code, task.settled.message, OperationPhase.SUCCEEDED)
    return None if nothing_written(sync) else sync.outcomes.get(task.id)


def nothing_written(sync: Sync) -> bool:
    """Neither by this run nor, as far as is on record, by one before a crash."""
    return sync.stage in (Stage.CONFIRMING, Stage.TRYING) and not sync.resumed


def _result(task: SyncTask, outcome: Outcome) -> ResourceResult:
    return ResourceResult(
        group=task.key.group,
        version=task.version,
        kind=task.key.kind,
        namespace=task.key.namespace,
        name=task.key.name,
        status=outcome.code,
        message=outcome.message,
        hook_type=task.phase if task.hook else "",
        hook_phase=outcome.phase,
        sync_phase=task.phase,
        images=images_of(task.desired or task.live or {}),
    )


def recorded_outcomes(
    tasks: Mapping[TaskId, SyncTask], recorded: Iterable[ResourceResult]
) -> tuple[dict[TaskId, Outcome], tuple[ResourceResult, ...]]:
    """The outcomes a record holds for these tasks, and the results that belong to none of them."""
    outcomes: dict[TaskId, Outcome] = {}
    carried: list[ResourceResult] = []
    for result in recorded:
        key = ResourceKey(result.group, result.kind, result.namespace, result.name)
        task = tasks.get(TaskId(result.sync_phase, key))
        if task is None:
            carried.append(_pruned_unseen(result))
        elif task.settled is None:
            outcomes[task.id] = Outcome(result.status, result.message, result.hook_phase)
    for task in tasks.values():
        if task.started and not (task.id in outcomes and outcomes[task.id].code):
            outcomes[task.id] = Outcome(ResultCode.SYNCED, told(task.key, CREATED), OperationPhase.RUNNING)
    return outcomes, tuple(carried)


def announcement(task: SyncTask) -> Outcome:
    """On record before a hook may be created or an object deleted."""
    return Outcome(message="to be pruned" if task.prune else "starting", phase=OperationPhase.RUNNING)


def _pruned_unseen(result: ResourceResult) -> ResourceResult:
    """An object that was to be pruned when the crash came, and is gone."""
    if result.status or result.hook_type:
        return result
    return replace(result, status=ResultCode.PRUNED, message="pruned", hook_phase=OperationPhase.SUCCEEDED)


# --- judged ----------------------------------------------------------------------------------------------

_HOOK_VERDICTS: Mapping[str, str] = {
    HealthCode.HEALTHY: OperationPhase.SUCCEEDED,
    HealthCode.DEGRADED: OperationPhase.FAILED,
    HealthCode.UNKNOWN: OperationPhase.FAILED,
}
_OBJECT_VERDICTS: Mapping[str, str] = {
    HealthCode.HEALTHY: OperationPhase.SUCCEEDED,
    HealthCode.DEGRADED: OperationPhase.FAILED,
}


def judged(task: SyncTask, health: Health | None) -> str:
    """The phase an object's health ends its task in; empty while it has to be waited for."""
    if task.prune:
        return ""
    if health is None:
        return OperationPhase.SUCCEEDED
    return (_HOOK_VERDICTS if task.hook else _OBJECT_VERDICTS).get(health.status, "")


def awaited_in(wave: Wave, sync: Sync) -> list[SyncTask]:
    """What a wave whose writes are done still has to wait for.

    Hooks always; the health of objects and the end of pruned ones only if another wave builds on them.
    """
    running = [task for task in wave.tasks if _running(sync, task)]
    return running if builds_on(wave, sync) else [task for task in running if task.hook]


def builds_on(wave: Wave, sync: Sync) -> bool:
    """Whether something comes after this wave that needs it to be well."""
    comes_more = sync.wave < len(sync.waves) - 1 and not sync.failure
    return comes_more and not failed_tasks((task.id for task in wave.tasks), sync)


def _running(sync: Sync, task: SyncTask) -> bool:
    outcome = sync.outcomes.get(task.id)
    if outcome is None:
        return False
    if task.prune:
        return outcome.code == ResultCode.PRUNED
    return outcome.code == ResultCode.SYNCED and outcome.phase == OperationPhase.RUNNING


def failed_tasks(tasks: Iterable[TaskId], sync: Sync) -> tuple[TaskId, ...]:
    return tuple(task for task in tasks if (found := sync.outcomes.get(task)) and found.phase == OperationPhase.FAILED)


# --- told ------------------------------------------------------------------------------------------------


def failure_message(what: str, failed: Iterable[TaskId], sync: Sync) -> str:
    reasons = list(dict.fromkeys(message for task in failed if (message := sync.outcomes[task].message)))
    shown = reasons[:_REASONS_SHOWN]
    if left_out := len(reasons) - len(shown):
        shown.append(f"and {left_out} more")
    return f"{what}, reason: {', '.join(shown)}" if shown else what


def progress_message(sync: Sync) -> str:
    """What the sync is about at this moment, for `status.operationState.message`."""
    match sync.stage:
        case Stage.CONFIRMING:
            return _waiting_for("pruning confirmation of", _unapproved(sync), "resources")
        case Stage.TRYING:
            return "checking the tasks"
        case Stage.FINISHED:
            return sync.message
    awaited = [sync.tasks[each] for each in sorted(sync.awaited)]
    hooks = [task for task in awaited if task.hook]
    prunes = [task for task in awaited if task.prune]
    if hooks:
        return _waiting_for("completion of hook", hooks, "hooks")
    if prunes:
        return _waiting_for("deletion of", prunes, "resources")
    if awaited:
        return _waiting_for("healthy state of", awaited, "resources")
    return "one or more tasks are running"


def _unapproved(sync: Sync) -> list[SyncTask]:
    return [task for task in sync.tasks.values() if task.needs_approval]


def _waiting_for(what: str, tasks: list[SyncTask], nouns: str) -> str:
    key = tasks[0].key
    message = f"waiting for {what} {key.group}/{key.kind}/{key.name}"
    return f"{message} and {len(tasks) - 1} more {nouns}" if len(tasks) > 1 else message
