"""One try of an operation, driven by scripts: whatever hangs, it ends when it is told to."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.clock import SystemClock
from app_controller.live.mirror import Mirror
from app_controller.reconcile import attempt as module
from app_controller.reconcile import patience
from app_controller.reconcile.actions import Written
from app_controller.reconcile.attempt import Attempt
from app_controller.reconcile.attempt_terms import Ended, Prepared
from gitops.manifest.tracking import Tracking
from gitops.model.application import AppName
from gitops.model.errors import ClusterUnreachable
from gitops.model.operation import Operation, OperationPhase, OperationState, ResultCode, SyncOperation, SyncResult
from gitops.model.resource import Manifest, key_of
from gitops.sync.hooks import Attempt as HookAttempt
from gitops.sync.options import SyncOptions
from gitops.sync.tasks import Subject, SyncIntent, SyncTask, tasks_for
from tests.sync_world import a_hook, an_object

WEB = AppName("argocd", "web")
STARTED = datetime(2026, 11, 23, 12, tzinfo=UTC)
Hook = Callable[[], Awaitable[None]]


class Silence:
    def managed_object_changed(self, *_: Any) -> None: ...

    def object_changed(self, *_: Any) -> None: ...


class Signals:
    def __init__(self) -> None:
        self.changed, self.terminating, self.outdated = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.approved_at: datetime | None = None


class ScriptedDoor:
    """Writes into a mirror; what a script is set for does as the script says instead."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.done: list[str] = []
        self.scripts: dict[str, Hook] = {}
        self.version = 0

    async def _run(self, verb: str, task: SyncTask) -> None:
        self.done.append(f"{verb} {task.key.name}")
        script = self.scripts.get(f"{verb} {task.key.name}")
        if script is not None:
            await script()

    async def check(self, task: SyncTask) -> Written:
        return Written(ResultCode.SYNCED, "")

    async def apply(self, task: SyncTask, *, dry_run: bool) -> Written:
        await self._run("try" if dry_run else "apply", task)
        if not dry_run:
            self.put(task.desired or {})
        return Written(ResultCode.SYNCED, "created")

    def put(self, manifest: Manifest) -> None:
        self.version += 1
        marks = {"uid": manifest["metadata"]["name"], "resourceVersion": str(self.version)}
        self.mirror.observe({**manifest, "metadata": {**manifest["metadata"], **marks}})

    async def prune(self, task: SyncTask) -> Written:
        await self._run("prune", task)
        self.mirror.remove(task.key)
        return Written(ResultCode.PRUNED, "pruned")

    async def clear_hook(self, task: SyncTask) -> None:
        await self._run("clear", task)

    async def delete_hook(self, task: SyncTask) -> None:
        await self._run("delete", task)

    async def release_hook(self, task: SyncTask) -> None:
        await self._run("release", task)


class Stage:
    """An attempt on stage: its door, its signals, what it puts on record."""

    def __init__(self, *objects: Manifest, hooks: tuple[Manifest, ...] = (), **prepared: Any) -> None:
        self.mirror = Mirror("https://dev", Tracking().owner_of, Silence())
        self.door = ScriptedDoor(self.mirror)
        self.live = SimpleNamespace(mirror=self.mirror, closed=False, sees=lambda _: True)
        self.signals = Signals()
        self.records: list[OperationState] = []
        self.preparing: Hook | None = None
        self._objects, self._hooks, self._prepared = objects, hooks, prepared
        self.state = OperationState(
            operation=Operation(sync=SyncOperation(revision="c1")),
            phase=OperationPhase.RUNNING,
            started_at="2026-11-23T12:00:00Z",
        )

    async def prepare(self, name: AppName, state: OperationState) -> Prepared:
        if self.preparing is not None:
            await self.preparing()
        subjects = [Subject(key_of(each), each, None, differs=True, predicted=True) for each in self._objects]
        attempt = HookAttempt(STARTED, state.retry_count, "c1")
        intent = SyncIntent(SyncOperation(), SyncOptions(), attempt)
        tasks = tasks_for(subjects, self._hooks, intent, self.mirror.get)
        return Prepared(tasks, SyncResult(revision="c1"), self.live, self.door, **self._prepared)  # type: ignore[arg-type]

    async def record(self, _: AppName, state: OperationState) -> None:
        self.records.append(state)

    def run(self, *, opened: bool = True, deadline: timedelta = timedelta(hours=1)) -> Awaitable[Ended]:
        clock = SystemClock()
        return Attempt(
            name=WEB,
            signals=self.signals,
            state=self.state,
            opened=opened,
            preparation=self,
            clock=clock,
            record=self.record,
            deadline=clock.now() + deadline,
            wave_pause=timedelta(0),
        ).carry_out()

    async def terminated_after(self, seconds: float) -> tuple[Ended, float]:
        running = asyncio.ensure_future(self.run())
        await asyncio.sleep(seconds)
        begun = time.monotonic()
        self.signals.terminating.set()
        return await running, time.monotonic() - begun


async def hang() -> None:
    await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the real patience, so that what must end in 5 s has to end in half a second."""
    for name in ("LAST_WRITES_WITHIN", "FAREWELLS_WHEN_TERMINATED", "FAREWELLS_WITHIN"):
        monkeypatch.setattr(patience, name, getattr(patience, name) / 10)
    monkeypatch.setattr(module, "OPENED_WITHIN", module.OPENED_WITHIN / 10)


async def test_a_sync_ends_with_what_was_done() -> None:
    stage = Stage(an_object("a"), an_object("b"))
    ended = await stage.run()
    assert (ended.phase, ended.deployed) == ("Succeeded", True)
    assert sorted(stage.door.done) == ["apply a", "apply b"]
    assert ended.result is not None
    assert {each.name: each.status for each in ended.result.resources} == {"a": "Synced", "b": "Synced"}


@pytest.mark.parametrize("stuck", ["preparing", "clear migrate", "apply migrate", "apply a"])
async def test_termination_ends_it_wherever_it_hangs(stuck: str) -> None:
    stage = Stage(an_object("a"), hooks=(a_hook("migrate", "PreSync"),) if "migrate" in stuck else ())
    if stuck == "preparing":
        stage.preparing = hang
    else:
        stage.door.scripts[stuck] = hang
    ended, took = await stage.terminated_after(0.1)
    assert (ended.phase, ended.message) == ("Failed", "Operation terminated")
    assert took < 0.5


async def test_a_cluster_that_dies_while_hooks_are_cleaned_up_does_not_hold_up_the_end() -> None:
    hooks = tuple(a_hook(f"hook-{number}", "PreSync") for number in range(4))
    stage = Stage(an_object("a"), hooks=hooks)
    for each in hooks:
        stage.door.scripts[f"delete {each['metadata']['name']}"] = hang
    ended, took = await stage.terminated_after(0.1)
    assert ended.phase == "Failed"
    assert took < 0.5


async def test_what_fails_to_prepare_is_an_error_and_changes_nothing() -> None:
    stage = Stage(an_object("a"))

    async def fail() -> None:
        raise ClusterUnreachable("nobody there")

    stage.preparing = fail
    ended = await stage.run()
    assert (ended.phase, ended.message, stage.door.done) == ("Error", "nobody there", [])


async def test_the_deadline_ends_it_while_it_is_prepared_and_while_it_waits() -> None:
    stage = Stage(an_object("a"))
    stage.preparing = hang
    ended = await stage.run(deadline=timedelta(milliseconds=100))
    assert "longer than it may" in ended.message
    waiting = Stage(an_object("a"), hooks=(a_hook("migrate", "PreSync"),))
    ended = await waiting.run(deadline=timedelta(milliseconds=200))
    assert (ended.phase, "longer than it may" in ended.message) == ("Failed", True)
    assert "delete migrate" in waiting.door.done


async def test_it_is_interrupted_when_its_view_of_the_cluster_is_closed() -> None:
    stage = Stage(an_object("a"), hooks=(a_hook("migrate", "PreSync"),))
    running = asyncio.ensure_future(stage.run())
    await asyncio.sleep(0.1)
    stage.live.closed = True
    stage.signals.changed.set()
    ended = await running
    assert ended.interrupted
    assert ended.result is not None
    assert [each.name for each in ended.result.resources] == ["migrate"]
    assert "delete migrate" not in stage.door.done


async def test_an_object_whose_kind_is_not_seen_is_not_taken_for_gone() -> None:
    stage = Stage(an_object("a"), hooks=(a_hook("migrate", "PreSync"),))
    running = asyncio.ensure_future(stage.run())
    await asyncio.sleep(0.1)
    (hook,) = list(stage.mirror.of_kind(key_of(a_hook("migrate")).group_kind))
    stage.live.sees = lambda _: False
    stage.mirror.drop_kind(key_of(hook).group_kind)
    stage.signals.changed.set()
    await asyncio.sleep(0.05)
    assert not running.done()
    stage.live.sees = lambda _: True
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    stage.door.put({**hook, "status": complete})
    stage.signals.changed.set()
    assert (await running).phase == "Succeeded"


async def test_what_nobody_pinned_is_on_record_with_its_commit_before_anything_is_written() -> None:
    stage = Stage(an_object("a"), pinned=False)

    async def look() -> None:
        assert [each.sync_result.revision for each in stage.records if each.sync_result] == ["c1"]

    stage.door.scripts["apply a"] = look
    ended = await stage.run(opened=False)
    assert ended.phase == "Succeeded", ended


async def test_a_slow_preparation_is_shown() -> None:
    stage = Stage(an_object("a"))
    stage.preparing = hang
    running = asyncio.ensure_future(stage.run(opened=False))
    await asyncio.sleep(0.15)
    assert [each.phase for each in stage.records] == ["Running"]
    stage.signals.terminating.set()
    await running


async def test_a_window_that_closes_holds_the_writes_back_until_it_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_AT_WINDOWS_EVERY", timedelta(milliseconds=20))
    closed = ["the window is closed"]
    stage = Stage(an_object("a"), blocked=lambda began: closed[0])
    running = asyncio.ensure_future(stage.run())
    await asyncio.sleep(0.1)
    assert (stage.door.done, stage.records[-1].message) == ([], "the window is closed")
    closed[0] = ""
    assert (await running).phase == "Succeeded"


async def test_it_shows_what_it_waits_for_though_nothing_else_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROGRESS_EVERY", timedelta(milliseconds=50))
    stage = Stage(an_object("a", kind="PersistentVolumeClaim"), an_object("b", wave=1))
    running = asyncio.ensure_future(stage.run())
    await asyncio.sleep(0.2)
    assert "waiting for healthy state" in stage.records[-1].message
    stage.signals.terminating.set()
    await running
