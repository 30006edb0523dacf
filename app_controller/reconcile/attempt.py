"""One try of an operation: the sync machine says what to do, this carries it out and reports back."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from adapters.clock import Clock
from app_controller.concurrency import beside, tasks_together
from app_controller.live.cluster import LiveCluster
from app_controller.reconcile.attempt_terms import Ended, Preparation, Prepared, Signals, ViewClosed, first_of
from app_controller.reconcile.patience import LAST_WRITES_WITHIN, Patience
from gitops.health.assess import assess
from gitops.model.application import AppName
from gitops.model.errors import GitOpsError
from gitops.model.moments import parse_rfc3339, rfc3339
from gitops.model.operation import OperationPhase, OperationState, ResultCode, SyncResult
from gitops.model.resource import ResourceKey, resource_version_of
from gitops.sync.machine import begin, step
from gitops.sync.outcomes import progress_message, to_results
from gitops.sync.protocol import (
    Action,
    Apply,
    Approved,
    AwaitApproval,
    Check,
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
_FIRST = asyncio.FIRST_COMPLETED

PROGRESS_EVERY = timedelta(milliseconds=500)
OPENED_WITHIN = timedelta(milliseconds=300)  # what is not prepared by then is shown as being prepared
LOOK_UP_EVERY = timedelta(seconds=5)
LOOK_AT_WINDOWS_EVERY = timedelta(seconds=10)
# Objects of a commit that is no longer the newest get this long to become healthy.
HEALTHY_WITHIN_WHEN_OUTDATED = timedelta(seconds=30)


class Attempt:
    def __init__(
        self,
        *,
        name: AppName,
        signals: Signals,
        state: OperationState,
        opened: bool,
        preparation: Preparation,
        clock: Clock,
        record: Callable[[AppName, OperationState], Awaitable[None]],
        deadline: datetime,
        wave_pause: timedelta,
    ) -> None:
        self._name = name
        self._signals = signals
        self._state = state
        self._opened = opened  # the state is on record
        self._preparation = preparation
        self._clock = clock
        self._record = record
        self._deadline = deadline
        self._wave_pause = wave_pause
        self._events: asyncio.Queue[Event | ViewClosed] = asyncio.Queue()
        self._watched: frozenset[ResourceKey] = frozenset()
        self._reported: dict[ResourceKey, str] = {}
        self._writes: dict[TaskId, asyncio.Task[None]] = {}
        self._pausing: asyncio.Task[None] | None = None
        self._awaits_approval = False
        self._recorded_at: datetime | None = None
        self._recorded: tuple[Any, ...] = ()
        self._began: datetime | None = None  # to write
        self._waiting_since: datetime | None = None  # for health alone
        self._patience = Patience(signals.terminating)

    async def carry_out(self) -> Ended:
        preparing = self._preparation.prepare(self._name, self._state)
        try:
            prepared = await (self._briefly(preparing) if self._left_hooks else self._until_terminated(preparing))
        except GitOpsError as error:
            return Ended(OperationPhase.ERROR, str(error))
        if prepared is None:
            return Ended(OperationPhase.FAILED, self._why_ended())
        if not (self._opened and prepared.pinned):
            # A crash must not let it go on with other commits than it began with.
            self._state = msgspec.structs.replace(self._state, sync_result=self._begun(prepared))
            await self._record(self._name, self._state)
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

    def _begun(self, prepared: Prepared) -> SyncResult:
        before = self._state.sync_result
        return msgspec.structs.replace(prepared.result, resources=before.resources if before else ())

    def _why_ended(self) -> str:
        terminated = self._signals.terminating.is_set()
        return "Operation terminated" if terminated else "The operation took longer than it may: it was being prepared"

    async def _until_terminated(self, work: Coroutine[Any, Any, Made]) -> Made | None:
        """The result; None if a person, or the deadline, ended it first."""
        with beside(work, self._signals.terminating) as (working, ending):
            if not self._opened:
                await asyncio.wait({working, ending}, timeout=OPENED_WITHIN.total_seconds(), return_when=_FIRST)
                if not working.done():
                    await self._record(self._name, self._state)
                    self._opened = True
            left = max(0.0, (self._deadline - self._clock.now()).total_seconds())
            await asyncio.wait({working, ending}, timeout=left, return_when=_FIRST)
            return working.result() if working.done() else None

    # --- the loop -----------------------------------------------------------------------------------

    async def _drive(self, prepared: Prepared) -> Ended:
        recorded = self._state.sync_result.resources if self._state.sync_result else ()
        self._began = parse_rfc3339(self._state.started_at) if recorded and self._state.started_at else None
        sync, actions = begin(
            prepared.tasks,
            recorded,
            dry_run=prepared.dry_run,
            terminating=self._signals.terminating.is_set(),
            wave_pause=self._wave_pause,
        )
        lost = False
        async with tasks_together() as work:
            listening = work.create_task(self._listen(prepared.live))
            while True:
                if await self._permitted(prepared, sync, actions):
                    await self._perform(prepared, sync, actions, work)
                if sync.stage is Stage.FINISHED:
                    break
                event = await self._next_event(prepared, sync)
                if isinstance(event, ViewClosed):
                    lost = True
                    break
                sync, actions = step(sync, event)
            listening.cancel()
            await self._let_writes_end()
        if lost:
            return Ended(OperationPhase.RUNNING, progress_message(sync), self._result(prepared, sync), interrupted=True)
        succeeded = sync.phase == OperationPhase.SUCCEEDED
        return Ended(
            sync.phase,
            sync.message,
            self._result(prepared, sync),
            deployed=succeeded and not prepared.dry_run and not prepared.partial,
        )

    async def _next_event(self, prepared: Prepared, sync: Sync) -> Event | ViewClosed:
        """What happens next; while nothing does, what people see is brought up to date."""
        self._note_waiting(sync)
        unshown = self._progress_left() > timedelta(0)
        if not unshown:
            await self._record_progress(prepared, sync)
        while self._events.empty():
            if self._is_hopeless():
                return DeadlinePassed("Git has moved on to a newer commit, and this one did not become healthy")
            left = self._progress_left() if unshown else LOOK_UP_EVERY
            if left <= timedelta(0):
                await self._record_progress(prepared, sync)
                unshown = False
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(left.total_seconds()):
                    return await self._events.get()
        return self._events.get_nowait()

    def _note_waiting(self, sync: Sync) -> None:
        for_health = sync.stage is Stage.WAITING and not any(sync.tasks[each].hook for each in sync.awaited)
        if not for_health:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = self._clock.now()

    def _is_hopeless(self) -> bool:
        """Whether it has waited long enough for the health of what is no longer the newest commit."""
        if self._waiting_since is None or not self._signals.outdated.is_set():
            return False
        return self._clock.now() - self._waiting_since >= HEALTHY_WITHIN_WHEN_OUTDATED

    async def _permitted(self, prepared: Prepared, sync: Sync, actions: list[Action]) -> bool:
        """Whether the actions may be performed now; waits while a sync window forbids it.

        False: the operation was told to end meanwhile, which is the next event.
        """
        if not any(_writes(action) for action in actions):
            return True
        while reason := prepared.blocked(self._began):
            left = self._deadline - self._clock.now()
            if self._signals.terminating.is_set() or left <= timedelta(0):
                return False
            await self._store(prepared, sync, message=reason)
            await first_of(self._signals.terminating, within=min(left, LOOK_AT_WINDOWS_EVERY))
        self._began = self._began or self._clock.now()
        return True

    async def _perform(self, prepared: Prepared, sync: Sync, actions: list[Action], work: asyncio.TaskGroup) -> None:
        for action in actions:
            match action:
                case Apply(task, dry_run):
                    self._writes[task.id] = work.create_task(self._apply(prepared, task, dry_run))
                case Check(task):
                    work.create_task(self._check(prepared, task))
                case Prune(task):
                    self._writes[task.id] = work.create_task(self._prune(prepared, task))
                case ClearHook(task):
                    self._writes[task.id] = work.create_task(self._clear_hook(prepared, task))
                case Record():
                    await self._store(prepared, sync)
                case DeleteHook(task):
                    await self._let_writes_end(task.id)
                    await self._patience.bear(prepared.door.delete_hook(task))
                case ReleaseHook(task):
                    await self._patience.bear(prepared.door.release_hook(task))
                case Watch(keys):
                    self._watched = keys
                    self._reported.clear()
                    self._report(prepared.live)
                case Pause(length):
                    self._pausing = work.create_task(self._pause(length))
                case AwaitApproval():
                    self._awaits_approval = True
                    self._signals.changed.set()  # it may have been given before
                case Finish():
                    pass

    async def _let_writes_end(self, *only: TaskId) -> None:
        """Writes still under way after a termination may end; those that take too long are given up."""
        if self._pausing is not None and not only:
            self._pausing.cancel()
        await self._patience.let_end([task for id, task in self._writes.items() if not only or id in only])

    async def _listen(self, live: LiveCluster) -> None:
        """Turns what happens outside into events: objects, people, time."""
        terminated = False
        while True:
            if live.closed:
                self._events.put_nowait(ViewClosed())
                return
            left = self._deadline - self._clock.now()
            if left <= timedelta(0):
                self._events.put_nowait(DeadlinePassed())
                return
            ending = () if terminated else (self._signals.terminating,)
            await first_of(self._signals.changed, *ending, within=min(left, LOOK_UP_EVERY))
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
            if manifest is None and not live.sees(key.group_kind):
                continue  # its kind is being listed anew, or cannot be watched: nobody knows that it is gone
            version = resource_version_of(manifest) if manifest is not None else "gone"
            if self._reported.get(key) == version:
                continue
            self._reported[key] = version
            self._events.put_nowait(HealthSeen(key, assess(manifest)) if manifest is not None else Gone(key))

    # --- actions ------------------------------------------------------------------------------------

    async def _apply(self, prepared: Prepared, task: SyncTask, dry_run: bool) -> None:
        written = await prepared.door.apply(task, dry_run=dry_run)
        self._events.put_nowait(TaskEnded(task.id, written.code, written.message, written.kind_missing))

    async def _check(self, prepared: Prepared, task: SyncTask) -> None:
        checked = await prepared.door.check(task)
        self._events.put_nowait(TaskEnded(task.id, checked.code, checked.message, checked.kind_missing))

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

    def _progress_left(self) -> timedelta:
        """Until people are shown what has been done meanwhile."""
        now = self._clock.now()
        self._recorded_at = self._recorded_at or now
        return self._recorded_at + PROGRESS_EVERY - now

    async def _record_progress(self, prepared: Prepared, sync: Sync) -> None:
        """For those who watch; what must survive a crash is stored by `Record`."""
        self._recorded_at = self._clock.now()
        if (progress_message(sync), to_results(sync)) != self._recorded:
            await self._store(prepared, sync)

    async def _store(self, prepared: Prepared, sync: Sync, *, message: str = "") -> None:
        self._recorded_at = self._clock.now()
        self._recorded = (progress_message(sync), to_results(sync))
        state = msgspec.structs.replace(
            self._state, message=message or progress_message(sync), sync_result=self._result(prepared, sync)
        )
        await self._record(self._name, state)


def _writes(action: Action) -> bool:
    """Whether an action changes the cluster for the sync's sake; what becomes of hooks in the end does not count."""
    match action:
        case Apply(_, dry_run):
            return not dry_run
        case Prune() | ClearHook():
            return True
        case _:
            return False
