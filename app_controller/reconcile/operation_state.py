"""The states an operation goes through on record, as values (pure)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app_controller.reconcile.attempt_terms import Ended
from gitops.model.errors import InvalidSpec
from gitops.model.merge import merge_patch
from gitops.model.moments import parse_rfc3339, rfc3339
from gitops.model.operation import Operation, OperationPhase, OperationState, ResultCode, SyncResult
from gitops.sync.retry import attempt_of, wait_before

RETRYING = ". Retrying: "

LONGEST_LEAD = timedelta(seconds=1)  # of a start that follows another in the same second

ALWAYS_TOLD = ("group", "version", "kind", "namespace", "name")  # of an object, as in Argo CD: empty or not


def opening_state(operation: Operation, now: datetime, *, before: OperationState | None) -> OperationState:
    """`before`: the application's last operation. No two begin in the same second, for hooks are known by it."""
    last = _moment(before.started_at) if before is not None and before.started_at else None
    start = now.replace(microsecond=0)
    if last is not None and timedelta(0) <= last - start < timedelta(minutes=1):
        start = last + timedelta(seconds=1)
    return OperationState(
        operation=operation, phase=OperationPhase.RUNNING, message="preparing", started_at=rfc3339(start)
    )


def until_begun(state: OperationState, now: datetime) -> timedelta:
    """How long its second is still to come, so that it does not end before it began; none where a clock went back."""
    start = _moment(state.started_at or "")
    left = start - now if start is not None else timedelta(0)
    return left if timedelta(0) < left <= LONGEST_LEAD else timedelta(0)


def _moment(text: str) -> datetime | None:
    try:
        return parse_rfc3339(text)
    except ValueError:  # written by somebody else
        return None


def anew(state: OperationState) -> OperationState:
    """For the next try: nothing of the last one's results holds."""
    return msgspec.structs.replace(state, finished_at=None, sync_result=None)


def waiting_state(state: OperationState, again: datetime) -> OperationState:
    """Failed, and to be tried again: on record it goes on, though the last try has a time of its end."""
    next_try = msgspec.structs.replace(state, phase=OperationPhase.RUNNING, retry_count=state.retry_count + 1)
    message = f"{state.message}{RETRYING}{attempt_of(next_try)} at {rfc3339(again)}"
    return msgspec.structs.replace(next_try, message=message)


def next_try_of(waiting: OperationState) -> datetime:
    """When the try is due that a state on record waits for."""
    ended = parse_rfc3339(waiting.finished_at or "")
    try:
        return ended + wait_before(waiting.operation.retry, max(0, waiting.retry_count - 1))
    except InvalidSpec:  # written by somebody else
        return ended


def given_up(state: OperationState, *, terminated: bool, now: datetime) -> OperationState:
    """The end of one that waited for another try."""
    if terminated:
        return ended_state(state, Ended(OperationPhase.FAILED, "Operation terminated"), now)
    failed = state.phase if state.completed else OperationPhase.FAILED
    return ended_state(state, Ended(failed, state.message.partition(RETRYING)[0]), now)


def ended_state(state: OperationState, ended: Ended, now: datetime) -> OperationState:
    return msgspec.structs.replace(
        state,
        phase=ended.phase,
        message=ended.message,
        finished_at=rfc3339(now),
        sync_result=ended.result or state.sync_result or SyncResult(),
    )


def state_patch(raw: Mapping[str, Any], state: OperationState) -> dict[str, Any]:
    """What turns the operation state on record into this one."""
    before = (raw.get("status") or {}).get("operationState") or {}
    told = as_json(state)
    for each in (told.get("syncResult") or {}).get("resources") or ():
        for name in ALWAYS_TOLD:
            each.setdefault(name, "")
    return merge_patch(before, told)


def revision_of(state: OperationState) -> str:
    """The commit it is about, as people are told."""
    for each in (state.sync_result, state.operation.sync):
        if each is not None and (each.revision or each.revisions):
            return each.revision or ", ".join(each.revisions)
    return ""


def says_anything(patch: Mapping[str, Any]) -> bool:
    return "operation" in patch or bool(patch["status"]["operationState"]) or "history" in patch["status"]


def abridged(state: OperationState) -> OperationState:
    """Without what a sync can do without: objects written, and as well as they should be."""
    result = state.sync_result
    if result is None:
        return state
    kept = [each for each in result.resources if each.hook_type or each.status != ResultCode.SYNCED]
    return msgspec.structs.replace(state, sync_result=msgspec.structs.replace(result, resources=tuple(kept[:500])))


def as_json(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
