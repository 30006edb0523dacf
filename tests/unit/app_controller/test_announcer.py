"""What is told beside the work: an Event that is not taken, for whatever reason, is no Event and nothing more."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from app_controller.reconcile.announcer import Announcer
from gitops.model.application import Application, AppMetadata
from gitops.model.errors import ClusterRefused, ClusterUnreachable

NOW = datetime(2026, 11, 24, tzinfo=UTC)
APP = Application(metadata=AppMetadata(name="web", namespace="argocd"))


class Clock:
    moment = NOW

    def now(self) -> datetime:
        return self.moment


class Events:
    """Where Events are written to; takes none while there is a failure."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.tried = 0
        self.written: list[tuple[str, datetime]] = []

    async def emit_event(
        self, app: Application, reason: str, message: str, type: str = "Normal", *, at: datetime
    ) -> None:
        self.tried += 1
        if self.failure is not None:
            raise self.failure
        self.written.append((message, at))


@pytest.mark.parametrize(
    "failure",
    [
        ClusterRefused("create Event argocd/web: admission webhook denied the request", status=403),
        ClusterUnreachable("create Event argocd/web: did not answer in time"),
        TypeError("a bug"),
    ],
)
async def test_an_event_that_is_not_taken_does_not_end_the_telling(failure: Exception) -> None:
    events, clock = Events(), Clock()
    announcer = Announcer(events, clock)  # type: ignore[arg-type]
    serving = asyncio.ensure_future(announcer.serve())
    events.failure = failure
    announcer.tell(APP, "OperationStarted", "first")
    await until(lambda: events.tried == 1)
    events.failure = None
    announcer.tell(APP, "OperationCompleted", "second")
    await until(lambda: events.tried == 2)
    assert events.written == [("second", NOW)]
    assert not serving.done()
    serving.cancel()
    await asyncio.wait({serving})


async def test_an_event_that_is_written_late_says_when_it_happened() -> None:
    events, clock = Events(), Clock()
    announcer = Announcer(events, clock)  # type: ignore[arg-type]
    announcer.tell(APP, "OperationStarted", "first")
    clock.moment = datetime(2026, 11, 25, tzinfo=UTC)
    serving = asyncio.ensure_future(announcer.serve())
    await until(lambda: events.tried == 1)
    assert events.written == [("first", NOW)]
    serving.cancel()
    await asyncio.wait({serving})


async def until(condition: Any) -> None:
    async with asyncio.timeout(2):
        while not condition():
            await asyncio.sleep(0)
