"""When is what someone waits for true? Pure questions about an application as it is now."""

from dataclasses import dataclass

from gitops.model.application import Application
from gitops.model.moments import parse_rfc3339
from gitops.model.operation import OperationPhase, OperationState


@dataclass(frozen=True)
class Goal:
    """What has to be true at the same time; with nothing chosen, everything."""

    sync: bool = False
    health: bool = False
    operation: bool = False
    revision: str = ""  # compared with this commit (or its beginning), not with an earlier one

    @classmethod
    def of(cls, *, sync: bool, health: bool, operation: bool, revision: str = "") -> "Goal":
        chosen = sync or health or operation
        return cls(sync, health, operation, revision) if chosen else cls(True, True, True, revision)


def still_missing(app: Application, goal: Goal) -> list[str]:
    """Why it is not there yet, in words; empty means done."""
    missing: list[str] = []
    revisions = app.status.sync.revisions or (app.status.sync.revision,)
    if goal.revision and not any(each.startswith(goal.revision) for each in revisions):
        missing.append(f"it was last compared with {', '.join(revisions) or 'nothing'}, not with {goal.revision}")
    if goal.operation and not operation_settled(app):
        missing.append("an operation is in progress")
    if goal.sync and app.status.sync.status != "Synced":
        missing.append(f"sync is {app.status.sync.status or 'Unknown'}")
    if goal.health and app.status.health.status != "Healthy":
        missing.append(f"health is {app.status.health.status or 'Unknown'}")
    return missing


def operation_settled(app: Application) -> bool:
    """No operation, or one that ended *and* whose effect has been compared since.

    Without the last part a wait could see the state from before the sync and take it for the result.
    """
    state = app.status.operation_state
    if app.operation is not None:
        return False
    if state is None:
        return True
    if not state.completed or not state.finished_at:
        return False
    return _is_dry_run(state) or _compared_since(state.finished_at, app.status.reconciled_at)


def operation_failed(app: Application) -> bool:
    state = app.status.operation_state
    return state is not None and state.completed and state.phase != OperationPhase.SUCCEEDED


def _is_dry_run(state: OperationState) -> bool:
    return state.operation.sync is not None and state.operation.sync.dry_run


def _compared_since(finished_at: str, reconciled_at: str | None) -> bool:
    return reconciled_at is not None and parse_rfc3339(reconciled_at) >= parse_rfc3339(finished_at)


def is_older(app: Application, than: str) -> bool:
    """Whether this is a state from before resource version `than`; a watch may start with one."""
    version = app.metadata.resource_version
    return version.isdigit() and than.isdigit() and int(version) < int(than)
