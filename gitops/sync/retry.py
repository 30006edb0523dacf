"""When a failed operation is tried again."""

from datetime import datetime, timedelta

from gitops.model.moments import parse_duration, parse_rfc3339
from gitops.model.operation import Backoff, OperationPhase, OperationState, RetryStrategy

DEFAULT_DURATION = timedelta(seconds=5)
DEFAULT_FACTOR = 2
DEFAULT_LONGEST = timedelta(minutes=3)


def next_retry(state: OperationState, now: datetime) -> datetime | None:
    """The moment of the next attempt, counted from the end of the last; None: there is none."""
    failed = state.phase in (OperationPhase.FAILED, OperationPhase.ERROR)
    limit = state.operation.retry.limit
    exhausted = 0 <= limit <= state.retry_count
    if not failed or exhausted:
        return None
    ended = parse_rfc3339(state.finished_at) if state.finished_at else now
    return ended + wait_before(state.operation.retry, state.retry_count)


def attempt_of(state: OperationState) -> str:
    """Which attempt the state is about, of how many; empty where nothing follows or went before the only one."""
    limit = state.operation.retry.limit
    if not limit and not state.retry_count:
        return ""
    return f"attempt {state.retry_count + 1}" + (f" of {limit + 1}" if limit > 0 else "")


def wait_before(retry: RetryStrategy, retries: int) -> timedelta:
    """The wait grows by the factor with every attempt made, up to its maximum."""
    backoff = retry.backoff or Backoff()
    wait = parse_duration(backoff.duration) if backoff.duration else DEFAULT_DURATION
    longest = parse_duration(backoff.max_duration) if backoff.max_duration else DEFAULT_LONGEST
    factor = DEFAULT_FACTOR if backoff.factor is None else max(1, backoff.factor)
    if factor == 1 or not wait:
        return min(wait, longest)
    for _ in range(retries):
        if wait >= longest:
            break
        wait *= factor
    return min(wait, longest)
