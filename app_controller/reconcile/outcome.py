"""When to visit a key again: one table for results and errors."""

from datetime import timedelta

import msgspec

from gitops.model.errors import GitOpsError, Retry

FIRST_RETRY = timedelta(seconds=1)
LAST_RETRY = timedelta(minutes=2)


class Outcome(msgspec.Struct, frozen=True):
    again_in: timedelta | None = None
    error: GitOpsError | None = None


SETTLED = Outcome()


def again_in(delay: timedelta) -> Outcome:
    return Outcome(again_in=delay)


def backoff(attempt: int) -> timedelta:
    """1, 2, 4 … seconds, at most two minutes; `attempt` counts from 0."""
    doubled: timedelta = FIRST_RETRY * (1 << min(attempt, 10))
    return min(LAST_RETRY, doubled)


def outcome_of(error: GitOpsError, *, attempt: int, refresh_interval: timedelta) -> Outcome:
    """Soon, with growing patience, where the world may mend itself; else at the next refresh or change."""
    delay = backoff(attempt) if error.retry is Retry.SOON else refresh_interval
    return Outcome(again_in=delay, error=error)
