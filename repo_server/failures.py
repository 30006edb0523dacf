"""What renders ended with, remembered for a while: the same inputs would end the same way.

A render that took too long held a worker all that time, so it is remembered longer, and longer each time.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from adapters.clock import Clock, SystemClock
from gitops.model.errors import GitOpsError, RenderFailed
from repo_server.memory import Recent


class TookTooLong(RenderFailed):
    """It was ended because its time was up."""


class FailureMemory(msgspec.Struct, frozen=True):
    """How long failures are remembered."""

    failure: timedelta = timedelta(seconds=10)
    timeout: timedelta = timedelta(minutes=1)  # the first of the same inputs
    growth: int = 4  # from one timeout of the same inputs to the next
    longest: timedelta = timedelta(hours=1)
    size: int = 1024


class _Failed(msgspec.Struct, frozen=True):
    error: GitOpsError
    until: float
    lifetime: timedelta = timedelta(0)  # of a timeout
    since: datetime | None = None  # the first timeout


_DEFAULT = FailureMemory()
_CLOCK = SystemClock()


class Failures:
    """By the key of a render."""

    def __init__(
        self,
        memory: FailureMemory = _DEFAULT,
        *,
        clock: Clock = _CLOCK,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._monotonic = monotonic
        self._known: Recent[str, _Failed] = Recent(memory.size)

    def recall(self, key: str) -> GitOpsError | None:
        known = self._known.get(key)
        return known.error if known is not None and self._monotonic() < known.until else None

    def remember(self, key: str, error: GitOpsError) -> GitOpsError:
        """The error as it is told, now and as long as it is remembered."""
        lifetime, now = self._memory.failure, self._monotonic()
        known = self._known.get(key)
        if not isinstance(error, TookTooLong):
            # An interlude does not make a slow render quick.
            before = known or _Failed(error, now)
            self._known.put(key, msgspec.structs.replace(before, error=error, until=now + lifetime.total_seconds()))
            return error
        lifetime, since = self._memory.timeout, self._clock.now()
        if known is not None and known.since is not None:
            lifetime, since = min(known.lifetime * self._memory.growth, self._memory.longest), known.since
        told = TookTooLong(
            f"{error} (first at {_moment(since)}; tried again after {_moment(self._clock.now() + lifetime)}, "
            "at once with other input or on a hard refresh)"
        )
        self._known.put(key, _Failed(told, now + lifetime.total_seconds(), lifetime, since))
        return told

    def forget(self, key: str) -> None:
        self._known.drop(key)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
