"""Failures are remembered for a moment, timeouts for long."""

from datetime import UTC, datetime, timedelta

from gitops.model.errors import RenderFailed
from repo_server.failures import FailureMemory, Failures, TookTooLong

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = 60.0


class Time:
    """Goes on when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    async def sleep(self, duration: timedelta) -> None:
        self.seconds += duration.total_seconds()


def remembered(time: Time, **memory: int) -> Failures:
    return Failures(FailureMemory(**memory), clock=time, monotonic=time.monotonic)


def lifetime(failures: Failures, time: Time, error: RenderFailed) -> float:
    """How many seconds it is remembered, in whole ones."""
    failures.remember("key", error)
    begun = time.seconds
    while failures.recall("key"):
        time.seconds += 1
    return time.seconds - begun


def test_timeouts_of_the_same_inputs_are_remembered_longer_each_time_up_to_a_limit() -> None:
    time = Time()
    failures = remembered(time)
    lasted = [lifetime(failures, time, TookTooLong("slow")) / MINUTE for _ in range(5)]
    assert lasted == [1, 4, 16, 60, 60]


def test_other_failures_are_remembered_for_a_moment() -> None:
    time = Time()
    failures = remembered(time)
    assert [lifetime(failures, time, RenderFailed("no")) for _ in range(3)] == [10, 10, 10]


def test_another_failure_in_between_does_not_make_a_slow_render_quick() -> None:
    time = Time()
    failures = remembered(time)
    errors = [TookTooLong("slow"), RenderFailed("no"), TookTooLong("slow")]
    assert [lifetime(failures, time, each) for each in errors] == [MINUTE, 10, 4 * MINUTE]


def test_a_success_begins_anew() -> None:
    time = Time()
    failures = remembered(time)
    lifetime(failures, time, TookTooLong("slow"))
    failures.forget("key")
    assert lifetime(failures, time, TookTooLong("slow")) == MINUTE


def test_it_says_since_when_until_when_and_what_else_helps() -> None:
    time = Time()
    failures = remembered(time)
    lifetime(failures, time, TookTooLong("slow"))
    failures.remember("key", TookTooLong("slow"))
    assert str(failures.recall("key")) == (
        "slow (first at 2026-01-01T00:00:00Z; tried again after 2026-01-01T00:05:00Z, "
        "at once with other input or on a hard refresh)"
    )


def test_other_inputs_are_not_concerned_and_the_memory_is_bounded() -> None:
    failures = remembered(Time(), size=2)
    for key in ("a", "b", "c"):
        failures.remember(key, TookTooLong(key))
    assert failures.recall("d") is None
    assert [failures.recall(each) is not None for each in ("a", "b", "c")] == [False, True, True]
