"""Events taken into the state of a sync: what ended and how, who is well, what is gone."""

from msgspec.structs import replace

from gitops.model.operation import OperationPhase, ResultCode
from gitops.model.resource import ResourceKey
from gitops.model.status import Health
from gitops.sync.outcomes import judged
from gitops.sync.protocol import Event, HookCleared, Outcome, Stage, Sync, TaskEnded
from gitops.sync.tasks import SyncTask, TaskId
from gitops.sync.wording import DRY_RUN


def ended(sync: Sync, event: Event) -> Sync:
    match event:
        case HookCleared(task):
            return replace(sync, in_flight=sync.in_flight - {task})
        case TaskEnded(task, code, message, kind_missing):
            landed = replace(sync, in_flight=sync.in_flight - {task})
            if sync.stage is Stage.TRYING:
                return _tried(landed, task, code, message, kind_missing)
            return _with_outcome(landed, task, _outcome_of(code, message))
    return sync


def _outcome_of(code: str, message: str) -> Outcome:
    phases = {ResultCode.SYNCED: OperationPhase.RUNNING, ResultCode.SYNC_FAILED: OperationPhase.FAILED}
    return Outcome(code, message, phases.get(code, OperationPhase.SUCCEEDED))


def _tried(sync: Sync, task: TaskId, code: str, message: str, kind_missing: bool) -> Sync:
    forgiven = kind_missing and sync.tasks[task].options.skip_dry_run_on_missing
    if code == ResultCode.SYNC_FAILED and not forgiven:
        return _with_outcome(sync, task, _outcome_of(code, message))
    if sync.dry_run:
        return _with_outcome(sync, task, Outcome(ResultCode.SYNCED, _as_dry_run(message), OperationPhase.SUCCEEDED))
    return sync


def _as_dry_run(message: str) -> str:
    return message if DRY_RUN.strip() in message else f"{message or 'accepted'}{DRY_RUN}"


def _with_outcome(sync: Sync, task: TaskId, outcome: Outcome) -> Sync:
    return replace(sync, outcomes={**sync.outcomes, task: outcome})


def seen(sync: Sync, key: ResourceKey, health: Health | None) -> Sync:
    """A report of health. While the pause lasts only hooks are judged by it."""
    for task in _awaited_with(sync, key):
        if sync.pausing and not task.hook:
            sync = replace(sync, seen={**sync.seen, key: health})
        elif verdict := judged(task, health):
            sync = _settled(sync, task, verdict, health)
    return sync


def gone(sync: Sync, key: ResourceKey) -> Sync:
    for task in _awaited_with(sync, key):
        if task.prune:
            sync = replace(sync, awaited=sync.awaited - {task.id})
        elif task.hook:
            lost = Health(message="The hook was deleted before it completed")
            sync = _settled(sync, task, OperationPhase.FAILED, lost)
    return sync


def pause_over(sync: Sync) -> Sync:
    reports, sync = sync.seen, replace(sync, pausing=False, seen={})
    for key, health in reports.items():
        sync = seen(sync, key, health)
    return sync


def _awaited_with(sync: Sync, key: ResourceKey) -> list[SyncTask]:
    phase = sync.waves[sync.wave].phase
    task_id = TaskId(phase, key)
    return [sync.tasks[task_id]] if task_id in sync.awaited else []


def _settled(sync: Sync, task: SyncTask, verdict: str, health: Health | None) -> Sync:
    before = sync.outcomes[task.id]
    message = (health.message if health else "") or before.message
    after = _with_outcome(sync, task.id, replace(before, phase=verdict, message=message))
    awaited = after.awaited - {task.id}
    if verdict == OperationPhase.FAILED:
        # The wave has failed: hooks that run are let end, the health of the rest matters no more.
        awaited = frozenset(each for each in awaited if after.tasks[each].hook)
    return replace(after, awaited=awaited)
