"""The sync protocol itself: it never awaits and never looks at a cluster.

After a crash, `begin` with the results on record goes on where the record ends:

- crash before a task ended: it is not on record. The comparison made since tells whether the write took
  place; if so the task has nothing to write, if not it is written now.
- crash after a task was recorded: it is not done again; its health is awaited unless that is recorded too.
- crash around a deletion: the record says it was about to be made; what is gone by now was pruned.
- crash around the creation of a hook: the record says it may exist. If it carries this attempt's mark it is
  adopted, else it is created; its finalizer keeps it from having come and gone unseen.
- crash after a hook was recorded as started: it is only awaited; should it be gone, it has failed.
- crash at the end: nothing is left to do but the cleaning up, which may be repeated, and `Finish`.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from msgspec.structs import replace

from gitops.manifest.annotations import HookType
from gitops.model.operation import OperationPhase, ResourceResult, ResultCode
from gitops.sync.ending import Step, finished, interrupted
from gitops.sync.intake import ended, gone, pause_over, seen
from gitops.sync.outcomes import (
    announcement,
    awaited_in,
    builds_on,
    failed_tasks,
    failure_message,
    progress_message,
    recorded_outcomes,
)
from gitops.sync.plan import Batch, Verb, Wave, plan_waves
from gitops.sync.protocol import (
    Action,
    Apply,
    Approved,
    AwaitApproval,
    Check,
    ClearHook,
    DeadlinePassed,
    Event,
    Gone,
    HealthSeen,
    HookCleared,
    Outcome,
    Pause,
    PauseOver,
    Prune,
    Record,
    Stage,
    Sync,
    TaskEnded,
    Terminate,
    Watch,
)
from gitops.sync.tasks import NAMESPACE, SyncTask
from gitops.sync.wording import CONFIGURED, DRY_RUN, UNCHANGED, told

WAVE_PAUSE = timedelta(seconds=2)


def begin(
    tasks: Iterable[SyncTask],
    recorded: Iterable[ResourceResult] = (),
    *,
    dry_run: bool = False,
    terminating: bool = False,
    wave_pause: timedelta = WAVE_PAUSE,
) -> Step:
    """Start an attempt, or go on with it when results of it are on record.

    `terminating` ends one that was told to stop before the crash.
    """
    by_id = {task.id: task for task in tasks}
    on_record = () if dry_run else tuple(recorded)  # a dry run leaves nothing behind: it starts over
    outcomes, carried = recorded_outcomes(by_id, on_record)
    waves = plan_waves(by_id.values())
    sync = Sync(
        tasks=by_id,
        waves=tuple(wave for wave in waves if wave.phase != HookType.SYNC_FAIL),
        failure_waves=tuple(wave for wave in waves if wave.phase == HookType.SYNC_FAIL),
        outcomes=outcomes,
        carried=carried,
        dry_run=dry_run,
        # What was settled beforehand may be on record before anything was tried.
        resumed=bool(outcomes) or any(result.status not in ResultCode.SKIPPED for result in on_record),
        wave_pause=wave_pause,
    )
    if terminating:
        return interrupted(sync, "Operation terminated")
    unapproved = tuple(task.key for task in by_id.values() if task.needs_approval and task.id not in outcomes)
    if unapproved and not dry_run:
        return sync, [AwaitApproval(unapproved)]
    return _start(sync)


def step(sync: Sync, event: Event) -> Step:
    """Take in what happened. Reports that come too late to matter change nothing."""
    match sync.stage, event:
        case Stage.FINISHED, _:
            return sync, []
        case _, Terminate():
            return interrupted(sync, "Operation terminated")
        case _, DeadlinePassed(message):
            return interrupted(sync, f"{message}: {progress_message(sync)}")
        case Stage.CONFIRMING, Approved():
            return _start(sync)
        case ((Stage.TRYING | Stage.WORKING), (TaskEnded(task) | HookCleared(task))) if task in sync.in_flight:
            return _advance(ended(sync, event))
        case Stage.WAITING, HealthSeen(key, health):
            return _advance(seen(sync, key, health))
        case Stage.WAITING, Gone(key):
            return _advance(gone(sync, key))
        case Stage.WAITING, PauseOver() if sync.pausing:
            return _advance(pause_over(sync))
    return sync, []


# --- going on --------------------------------------------------------------------------------------------


def _start(sync: Sync) -> Step:
    return _start_trying(_without_prunes(sync)) if sync.dry_run else _start_checking(sync)


def _without_prunes(sync: Sync) -> Sync:
    """In a dry run nobody is asked whether a prune would work; it is only said that it would be done."""
    pruned = Outcome(ResultCode.PRUNED, "pruned (dry run)", OperationPhase.SUCCEEDED)
    prunes = {task.id: pruned for task in sync.tasks.values() if task.prune and task.settled is None}
    return replace(sync, outcomes={**sync.outcomes, **prunes})


def _start_checking(sync: Sync) -> Step:
    """What can never work keeps the whole sync from beginning; what the API server refuses keeps no other object."""
    changed = [task for task in _to_apply(sync) if task.writes and task.live is not None and not task.hook]
    new = [task for task in _to_apply(sync) if task.dry_run_first]
    asked = [] if sync.resumed else list({task.id: task for task in (*changed, *new)}.values())
    begun = replace(sync, stage=Stage.TRYING, in_flight=frozenset(task.id for task in asked))
    after, more = _advance(begun)
    return after, [*map(Check, asked), *more]


def _to_apply(sync: Sync) -> list[SyncTask]:
    return [task for task in sync.tasks.values() if task.settled is None and not task.prune]


def _start_trying(sync: Sync) -> Step:
    """The API server is asked about what the comparison did not ask it yet."""
    asked = [task for task in _to_apply(sync) if task.dry_run_first]
    known = [task for task in _to_apply(sync) if not task.dry_run_first]
    predicted = {
        task.id: Outcome(
            ResultCode.SYNCED,
            told(task.key, CONFIGURED if task.writes else UNCHANGED) + DRY_RUN,
            OperationPhase.SUCCEEDED,
        )
        for task in known
    }
    trying = replace(
        sync,
        stage=Stage.TRYING,
        in_flight=frozenset(task.id for task in asked),
        outcomes={**sync.outcomes, **predicted},
    )
    after, more = _advance(trying)
    return after, [*(Apply(task, dry_run=True) for task in asked), *more]


def _advance(sync: Sync) -> Step:
    """Go on until there is something to wait for."""
    actions: list[Action] = []
    while not (sync.stage is Stage.FINISHED or sync.in_flight or sync.awaited or sync.pausing):
        sync, more = _next_move(sync)
        actions += more
    return sync, actions


def _next_move(sync: Sync) -> Step:
    if sync.stage is Stage.TRYING:
        return _after_trying(sync)
    if sync.wave >= len(sync.waves):
        return _out_of_waves(sync)
    wave = sync.waves[sync.wave]
    if sync.stage is Stage.WORKING and sync.batch < len(wave.batches):
        return _start_batch(replace(sync, batch=sync.batch + 1), wave.batches[sync.batch])
    if sync.stage is Stage.WORKING:
        return _start_waiting(sync, wave)
    return _after_wave(sync, wave)


def _after_trying(sync: Sync) -> Step:
    failed = () if sync.resumed else failed_tasks(sync.tasks, sync)
    if failed and sync.dry_run:
        message = failure_message("one or more objects failed to apply (dry run)", failed, sync)
        return finished(sync, OperationPhase.FAILED, message)
    if failed:
        message = failure_message("one or more synchronization tasks are not valid", failed, sync)
        return finished(sync, OperationPhase.FAILED, message)
    if sync.dry_run:
        return finished(sync, OperationPhase.SUCCEEDED, "successfully synced (all tasks run)")
    return replace(sync, stage=Stage.WORKING), []


def _start_batch(sync: Sync, batch: Batch) -> Step:
    failing = bool(failed_tasks((task.id for task in sync.waves[sync.wave].tasks), sync))
    open_tasks = [task for task in batch.tasks if _to_do(sync, task) and not (failing and task.hook)]
    written = [task for task in open_tasks if task.writes]
    # What must not happen twice, or cannot be seen to have happened, is on record before it begins.
    announced = [task for task in written if (task.hook or task.prune) and task.id not in sync.outcomes]
    begun = replace(
        sync,
        in_flight=frozenset(task.id for task in written),
        wrote=sync.wrote or bool(written),
        outcomes={
            **sync.outcomes,
            **{task.id: _unchanged(task) for task in open_tasks if not task.writes},
            **{task.id: announcement(task) for task in announced},
        },
    )
    record: list[Action] = [Record()] if announced else []
    return begun, [*record, *(_ACTIONS[batch.verb](task) for task in written)]


def _unchanged(task: SyncTask) -> Outcome:
    return Outcome(ResultCode.SYNCED, told(task.key, UNCHANGED), OperationPhase.RUNNING)


_ACTIONS: Mapping[Verb, type[Prune] | type[ClearHook] | type[Apply]] = {
    Verb.PRUNE: Prune,
    Verb.CLEAR: ClearHook,
    Verb.APPLY: Apply,
}


def _to_do(sync: Sync, task: SyncTask) -> bool:
    """Not on record as ended; a hook that was about to be created still has to be."""
    outcome = sync.outcomes.get(task.id)
    return outcome is None or not outcome.code


def _start_waiting(sync: Sync, wave: Wave) -> Step:
    awaited = awaited_in(wave, sync)
    keys = frozenset(task.key for task in awaited)
    # Nobody has to notice a change that was not made, or that nothing builds on, or a namespace with nothing in it.
    noticed = any(task.writes and task.key.group_kind != NAMESPACE for task in wave.tasks)
    pausing = sync.wrote and noticed and builds_on(wave, sync) and sync.wave_pause > timedelta(0)
    waiting = replace(
        sync,
        stage=Stage.WAITING,
        awaited=frozenset(task.id for task in awaited),
        pausing=pausing,
        seen={},
    )
    actions: list[Action] = [Pause(sync.wave_pause)] if pausing else []
    return waiting, [*actions, Watch(keys)] if keys else actions


def _after_wave(sync: Sync, wave: Wave) -> Step:
    failed = failed_tasks((task.id for task in wave.tasks), sync)
    following = replace(sync, stage=Stage.WORKING, batch=0, wrote=False)
    if failed and not sync.failure:
        refused = [task for task in failed if sync.outcomes[task].code == ResultCode.SYNC_FAILED]
        what = (
            "one or more objects failed to apply"
            if refused
            else "one or more synchronization tasks completed unsuccessfully"
        )
        message = failure_message(what, refused or failed, sync)
        return replace(following, waves=sync.failure_waves, failure_waves=(), wave=0, failure=message), []
    return replace(following, wave=sync.wave + 1), []


def _out_of_waves(sync: Sync) -> Step:
    if sync.failure:
        return finished(sync, OperationPhase.FAILED, sync.failure)
    hooks_at_end = bool(sync.waves) and any(task.hook for task in sync.waves[-1].tasks)
    end = "no more tasks" if hooks_at_end or not sync.waves else "all tasks run"
    return finished(sync, OperationPhase.SUCCEEDED, f"successfully synced ({end})")
