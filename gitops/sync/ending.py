"""How a sync ends: hooks are cleaned up after, and the operation gets its one terminal phase."""

from msgspec.structs import replace

from gitops.model.operation import OperationPhase
from gitops.sync.hooks import deleted_after
from gitops.sync.outcomes import nothing_written
from gitops.sync.protocol import Action, DeleteHook, Finish, Outcome, Record, ReleaseHook, Stage, Sync
from gitops.sync.tasks import SyncTask

Step = tuple[Sync, list[Action]]

TERMINATED = "Terminated"  # on record, so that a crash in between does not spare the hook


def interrupted(sync: Sync, message: str) -> Step:
    """End at once: hooks that run, or may just have been created, are deleted."""
    running = [task for task in _hooks_begun(sync) if sync.outcomes[task.id].phase == OperationPhase.RUNNING]
    ended = {task.id: Outcome(sync.outcomes[task.id].code, TERMINATED, OperationPhase.FAILED) for task in running}
    stopped = replace(sync, outcomes={**sync.outcomes, **ended})
    return finished(stopped, OperationPhase.FAILED, message)


def finished(sync: Sync, phase: str, message: str) -> Step:
    begun = [] if sync.dry_run or nothing_written(sync) else _hooks_begun(sync)
    never_ran = {task.id for task in begun if sync.outcomes[task.id].phase == OperationPhase.RUNNING}
    cleaning = [_farewell(task, sync.outcomes[task.id]) for task in begun if task.id not in never_ran]
    over = replace(
        sync,
        stage=Stage.FINISHED,
        phase=phase,
        message=message,
        outcomes={task: outcome for task, outcome in sync.outcomes.items() if task not in never_ran},
        in_flight=frozenset(),
        awaited=frozenset(),
        pausing=False,
        seen={},
    )
    record: list[Action] = [Record()] if cleaning else []
    return over, [*record, *cleaning, Finish(phase, message)]


def _farewell(task: SyncTask, outcome: Outcome) -> Action:
    by_policy = task.desired is not None and deleted_after(task.desired, outcome.phase)
    unwanted = by_policy or outcome.message == TERMINATED
    return DeleteHook(task) if unwanted else ReleaseHook(task)


def _hooks_begun(sync: Sync) -> list[SyncTask]:
    return [task for task in sync.tasks.values() if task.hook and task.id in sync.outcomes]
