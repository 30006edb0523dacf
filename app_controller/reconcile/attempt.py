"""One try of an operation: the sync machine says what to do, this carries it out and reports back."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import msgspec

from adapters.clock import Clock
from app_controller.concurrency import tasks_together
from app_controller.live.clusters import LiveCluster
from app_controller.reconcile.actions import Door
from gitops.health.assess import assess
from gitops.model.application import AppName
from gitops.model.errors import GitOpsError
from gitops.model.moments import rfc3339
from gitops.model.operation import OperationPhase, OperationState, ResultCode, SyncResult
from gitops.model.resource import ResourceKey, resource_version_of
from gitops.sync.machine import begin, step
from gitops.sync.outcomes import progress_message, to_results
from gitops.sync.protocol import (
    Action,
    Apply,
    Approved,
    AwaitApproval,
    ClearHook,
    DeadlinePassed,
    DeleteHook,
    Event,
    Finish,
    Gone,
    HealthSeen,
    HookCleared,
    Pause,
    PauseOver,
    Prune,
    Record,
    ReleaseHook,
    Stage,
    Sync,
    TaskEnded,
    Terminate,
    Watch,
)
from gitops.sync.tasks import SyncTask, TaskId

Made = TypeVar("Made")

PROGRESS_EVERY = timedelta(milliseconds=500)
LAST_WRITES_WITHIN = timedelta(seconds=3)  # a terminated operation lets writes under way end for this long


class Ended(msgspec.Struct, frozen=True):
    """How an attempt ended. `deployed`: a whole sync that succeeded, so history gets an entry."""

    phase: str
    message: str
    result: SyncResult | None = None
    deployed: bool = False


class Prepared(msgspec.Struct, frozen=True):
    """All a sync needs to know before it begins."""

    tasks: tuple[SyncTask, ...]
    result: SyncResult  # revision and source, no resources yet
    live: LiveCluster
    door: Door
    dry_run: bool = False
    partial: bool = False


class Preparation(Protocol):
    async def prepare(self, name: AppName, state: OperationState) -> Prepared: ...


class Signals(Protocol):
    """What the world tells a running operation."""

    changed: asyncio.Event
    terminating: asyncio.Event
    approved_at: datetime | None


class Attempt:
    def __init__(
        self,
        *,
        name: AppName,
        signals: Signals,
        state: OperationState,
        preparation: Preparation,
        clock: Clock,
        record: Callable[[AppName, OperationState], Awaitable[None]],
        deadline: datetime,
        wave_pause: timedelta,
    ) -> None:
        self._name = name
        self._signals = signals
        self._state = state
        self._preparation = preparation
        self._clock = clock
        self._record = record
        self._deadline = deadline
        self._wave_pause = wave_pause
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._watched: frozenset[ResourceKey] = frozenset()
        self._reported: dict[ResourceKey, str] = {}
        self._writes: dict[TaskId, asyncio.Task[None]] = {}
        self._pausing: asyncio.Task[None] | None = None
        self._awaits_approval = False
        self._recorded_at: datetime | None = None
        self._recorded: tuple[Any, ...] = ()

    async def carry_out(self) -> Ended:
        preparing = self._preparation.prepare(self._name, self._state)
        try:
            prepared = await (self._briefly(preparing) if self._left_hooks else self._until_terminated(preparing))
        except GitOpsError as error:
            return Ended(OperationPhase.ERROR, str(error))
        if prepared is None:
            return Ended(OperationPhase.FAILED, "Operation terminated")
        return await self._drive(prepared)

    @property
    def _left_hooks(self) -> bool:
        """Told to stop before a crash: hooks that were begun have to be found and deleted all the same."""
        recorded = self._state.sync_result.resources if self._state.sync_result else ()
        return self._signals.terminating.is_set() and any(each.hook_type for each in recorded)

    async def _briefly(self, work: Coroutine[Any, Any, Made]) -> Made | None:
        try:
            async with asyncio.timeout(LAST_WRITES_WITHIN.total_seconds()):
                return await work
        except TimeoutError:
            return None

    async def _until_terminated(self, work: Coroutine[Any, Any, Made]) -> Made | None:
        """The result; None if a person, or the deadline, ended it first."""
        working = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self._signals.terminating.wait())
        left = max(0.0, (self._deadline - self._clock.now()).total_seconds())
        try:
            await asyncio.wait({working, ending}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            working.cancel()
            ending.cancel()

    # --- the loop -----------------------------------------------------------------------------------

    async def _drive(self, prepared: Prepared) -> Ended:
        recorded = self._state.sync_result.resources if self._state.sync_result else ()
        sync, actions = begin(
            prepared.tasks,
            recorded,
            dry_run=prepared.dry_run,
            terminating=self._signals.terminating.is_set(),
            wave_pause=self._wave_pause,
        )
        async with tasks_together() as work:
            listening = work.create_task(self._listen(prepared.live))
            while True:
                await self._perform(prepared, sync, actions, work)
                if sync.stage is Stage.FINISHED:
                    break
                await self._record_progress(prepared, sync)
                sync, actions = step(sync, await self._events.get())
            listening.cancel()
            await self._let_writes_end()
        succeeded = sync.phase == OperationPhase.SUCCEEDED
        return Ended(
            sync.phase,
            sync.message,
            self._result(prepared, sync),
            deployed=succeeded and not prepared.dry_run and not prepared.partial,
        )

    async def _perform(self, prepared: Prepared, sync: Sync, actions: list[Action], work: asyncio.TaskGroup) -> None:
        for action in actions:
            match action:
                case Apply(task, dry_run):
                    self._writes[task.id] = work.create_task(self._apply(prepared, task, dry_run))
                case Prune(task):
                    self._writes[task.id] = work.create_task(self._prune(prepared, task))
                case ClearHook(task):
                    self._writes[task.id] = work.create_task(self._clear_hook(prepared, task))
                case Record():
                    await self._store(prepared, sync)
                case DeleteHook(task):
                    await self._let_writes_end(task.id)
                    await prepared.door.delete_hook(task)
                case ReleaseHook(task):
                    await prepared.door.release_hook(task)
                case Watch(keys):
                    self._watched = keys
                    self._reported.clear()
                    self._report(prepared.live)
                case Pause(length):
                    self._pausing = work.create_task(self._pause(length))
                case AwaitApproval():
                    self._awaits_approval = True
                case Finish():
                    pass

    async def _let_writes_end(self, *only: TaskId) -> None:
        """Writes still under way after a termination may end; those that take too long are given up."""
        if self._pausing is not None and not only:
            self._pausing.cancel()
        writes = [task for id, task in self._writes.items() if not only or id in only]
        if writes:
            _, late = await asyncio.wait(writes, timeout=LAST_WRITES_WITHIN.total_seconds())
            for task in late:
                task.cancel()

    async def _listen(self, live: LiveCluster) -> None:
        """Turns what happens outside into events: objects, people, time."""
        terminated = False
        while True:
            left = self._deadline - self._clock.now()
            if left <= timedelta(0):
                self._events.put_nowait(DeadlinePassed())
                return
            ending = () if terminated else (self._signals.terminating,)
            await first_of(self._signals.changed, *ending, within=left)
            if self._signals.terminating.is_set() and not terminated:
                terminated = True
                self._events.put_nowait(Terminate())
            self._signals.changed.clear()
            if self._awaits_approval and self._approved():
                self._awaits_approval = False
                self._events.put_nowait(Approved())
            self._report(live)

    def _approved(self) -> bool:
        given = self._signals.approved_at
        return given is not None and rfc3339(given) >= (self._state.started_at or "")

    def _report(self, live: LiveCluster) -> None:
        for key in self._watched:
            manifest = live.mirror.get(key)
            version = resource_version_of(manifest) if manifest is not None else "gone"
            if self._reported.get(key) == version:
                continue
            self._reported[key] = version
            self._events.put_nowait(HealthSeen(key, assess(manifest)) if manifest is not None else Gone(key))

    # --- actions ------------------------------------------------------------------------------------

    async def _apply(self, prepared: Prepared, task: SyncTask, dry_run: bool) -> None:
        written = await prepared.door.apply(task, dry_run=dry_run)
        self._events.put_nowait(TaskEnded(task.id, written.code, written.message, written.kind_missing))

    async def _prune(self, prepared: Prepared, task: SyncTask) -> None:
        written = await prepared.door.prune(task)
        self._events.put_nowait(TaskEnded(task.id, written.code, written.message))

    async def _clear_hook(self, prepared: Prepared, task: SyncTask) -> None:
        try:
            await prepared.door.clear_hook(task)
        except GitOpsError as error:
            self._events.put_nowait(TaskEnded(task.id, ResultCode.SYNC_FAILED, str(error)))
            return
        self._events.put_nowait(HookCleared(task.id))

    async def _pause(self, length: timedelta) -> None:
        await self._clock.sleep(length)
        self._events.put_nowait(PauseOver())

    # --- the record ---------------------------------------------------------------------------------

    def _result(self, prepared: Prepared, sync: Sync) -> SyncResult:
        return msgspec.structs.replace(prepared.result, resources=to_results(sync))

    async def _record_progress(self, prepared: Prepared, sync: Sync) -> None:
        """For those who watch; what must survive a crash is stored by `Record`."""
        now = self._clock.now()
        if self._recorded_at is None:
            self._recorded_at = now
        if now - self._recorded_at >= PROGRESS_EVERY and to_results(sync) != self._recorded:
            await self._store(prepared, sync)

    async def _store(self, prepared: Prepared, sync: Sync) -> None:
        self._recorded_at = self._clock.now()
        self._recorded = to_results(sync)
        state = msgspec.structs.replace(
            self._state, message=progress_message(sync), sync_result=self._result(prepared, sync)
        )
        await self._record(self._name, state)


async def first_of(*events: asyncio.Event, within: timedelta) -> None:
    """Waits until one of the events is set, or the time is over."""
    waits = [asyncio.ensure_future(each.wait()) for each in events]
    try:
        await asyncio.wait(waits, timeout=within.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
