"""Running operations: at most one per application, each carried to its one end, whatever crashes.

What must survive a crash is written to the Application before it is relied on. After a start, an
operation found on an Application is simply taken up again: what is on record is not done twice.
"""

import asyncio
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from adapters.clock import Clock
from adapters.store.store import Store
from app_controller.metrics import Metrics
from app_controller.reconcile.attempt import Attempt, Ended, Preparation, first_of
from gitops.manifest.annotations import DELETION_APPROVED
from gitops.model.application import Application, AppName
from gitops.model.errors import Conflict, GitOpsError
from gitops.model.merge import merge_patch
from gitops.model.moments import parse_rfc3339, rfc3339
from gitops.model.operation import Operation, OperationPhase, OperationState, SyncResult
from gitops.sync.history import with_deployment
from gitops.sync.retry import next_retry

log = structlog.get_logger()


class Run:
    """One operation under way: what its task needs to be told from outside."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()  # a managed object or the Application changed
        self.terminating = asyncio.Event()
        self.superseded = asyncio.Event()  # a newer commit makes another try pointless
        self.approved_at: datetime | None = None


class Operations:
    def __init__(
        self,
        *,
        store: Store,
        preparation: Preparation,
        clock: Clock,
        metrics: Metrics,
        deadline: timedelta,
        wave_pause: timedelta,
        ended: Callable[[AppName], None],
    ) -> None:
        self._store = store
        self._preparation = preparation
        self._clock = clock
        self._metrics = metrics
        self._deadline = deadline
        self._wave_pause = wave_pause
        self._ended = ended
        self._runs: dict[AppName, Run] = {}
        self._carriers: dict[AppName, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def serve(self) -> None:
        """Owns the running operations; runs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            await asyncio.Event().wait()

    def running(self, name: AppName) -> bool:
        return name in self._runs

    def wake(self, name: AppName) -> None:
        """An object of the application changed."""
        run = self._runs.get(name)
        if run is not None:
            run.changed.set()

    def notice(self, app: Application) -> None:
        """The Application as a visit saw it: take up its operation, or pass on what a person decided."""
        if app.operation is None:
            return
        run = self._runs.get(app.key) or self._begin(app.key)
        if run is None:
            return
        state = app.status.operation_state
        if state is not None and state.phase == OperationPhase.TERMINATING:
            run.terminating.set()
        if DELETION_APPROVED in app.metadata.annotations:
            run.approved_at = _moment(app.metadata.annotations[DELETION_APPROVED])
        run.changed.set()

    async def start(self, app: Application, operation: Operation) -> None:
        """Record an operation and begin it, in one write. Conflict: the Application changed meanwhile."""
        if app.operation is not None or self.running(app.key):
            raise Conflict(f"another operation of {app.key} is already in progress")
        state = opening_state(operation, self._clock.now())
        before = self._store.applications.raw(app.key) or {}
        patch = {"operation": _json(operation), "status": {"operationState": state_patch(before, state)}}
        await self._store.applications.patch(app.key, patch, resource_version=app.metadata.resource_version)
        self._begin(app.key)

    def supersede(self, name: AppName) -> None:
        """Git has moved on: a failed operation that waits to be tried again ends as it stands."""
        run = self._runs.get(name)
        if run is not None:
            run.superseded.set()

    def abandon(self, name: AppName) -> None:
        """The application goes: what its operation has begun is no longer wanted."""
        carrier = self._carriers.get(name)
        if carrier is not None:
            carrier.cancel()

    def _begin(self, name: AppName) -> Run | None:
        if self._tasks is None or name in self._runs:
            return None
        run = self._runs[name] = Run()
        self._carriers[name] = self._tasks.create_task(self._carry(name, run), name=f"operation {name}")
        return run

    async def _carry(self, name: AppName, run: Run) -> None:
        try:
            await self._carried_out(name, run)
        except GitOpsError as error:
            # The Application itself cannot be written: it stays as it is on record and is taken up again.
            log.warning("operation interrupted", application=str(name), error=str(error))
            await self._clock.sleep(timedelta(seconds=2))
        except Exception:  # a bug must not take the other operations with it, nor be met again and again
            log.error("operation failed", application=str(name), trace=traceback.format_exc())
            await self._give_up(name)
        finally:
            del self._runs[name]
            del self._carriers[name]
            self._ended(name)

    async def _give_up(self, name: AppName) -> None:
        try:
            app = self._store.applications.get(name)
            state = app.status.operation_state if app is not None else None
            if app is not None and app.operation is not None and state is not None:
                ended = Ended(OperationPhase.ERROR, "internal error; the controller's log says more")
                await self._close(name, _ended_state(state, ended, self._clock.now()), ended)
        except GitOpsError as error:
            log.warning("operation not closed", application=str(name), error=str(error))

    # --- one operation, from its record to its end ------------------------------------------------------

    async def _carried_out(self, name: AppName, run: Run) -> None:
        app = self._store.applications.get(name)
        if app is None or app.operation is None:
            return
        state = await self._opened(app)
        while True:
            ended = await self._attempted(name, run, state)
            state = _ended_state(state, ended, self._clock.now())
            again = None if run.terminating.is_set() else next_retry(state, self._clock.now())
            if again is None:
                break
            waiting = await self._waiting_for_retry(name, run, state, again)
            if run.terminating.is_set():
                state = _ended_state(state, Ended(OperationPhase.FAILED, "Operation terminated"), self._clock.now())
                break
            if run.superseded.is_set():
                break
            state = waiting
        await self._close(name, state, ended)

    async def _opened(self, app: Application) -> OperationState:
        """The running state on record: a new one, or the one a crash left."""
        present = app.status.operation_state
        assert app.operation is not None
        if present is not None and not present.completed and present.operation == app.operation:
            log.info("operation resumed", application=str(app.key))
            return present if present.finished_at is None else _anew(present)
        state = opening_state(app.operation, self._clock.now())
        await self.record(app.key, state)
        return state

    async def _attempted(self, name: AppName, run: Run, state: OperationState) -> Ended:
        started = parse_rfc3339(state.started_at or rfc3339(self._clock.now()))
        attempt = Attempt(
            name=name,
            signals=run,
            state=state,
            preparation=self._preparation,
            clock=self._clock,
            record=self.record,
            deadline=started + self._deadline,
            wave_pause=self._wave_pause,
        )
        return await attempt.carry_out()

    async def record(self, name: AppName, state: OperationState) -> None:
        raw = self._store.applications.raw(name)
        if raw is None:
            raise Conflict(f"{name} was deleted while its operation ran")
        on_record = ((raw.get("status") or {}).get("operationState") or {}).get("phase")
        if on_record == OperationPhase.TERMINATING and not state.completed:
            state = msgspec.structs.replace(state, phase=OperationPhase.TERMINATING)
        patch = state_patch(raw, state)
        if patch:
            await self._store.applications.patch(name, {"status": {"operationState": patch}})

    async def _waiting_for_retry(
        self, name: AppName, run: Run, state: OperationState, again: datetime
    ) -> OperationState:
        message = f"{state.message}. Retrying attempt #{state.retry_count + 1} at {rfc3339(again)}"
        waiting = msgspec.structs.replace(
            state, phase=OperationPhase.RUNNING, message=message, retry_count=state.retry_count + 1
        )
        await self.record(name, waiting)
        await first_of(run.terminating, run.superseded, within=max(timedelta(0), again - self._clock.now()))
        return _anew(waiting)

    async def _close(self, name: AppName, state: OperationState, ended: Ended) -> None:
        """The end on record, in one write: state, history, and no operation any more."""
        raw = self._store.applications.raw(name)
        app = self._store.applications.get(name)
        if raw is None or app is None:
            return
        status: dict[str, Any] = {"operationState": state_patch(raw, state)}
        history = with_deployment(app, state) if ended.deployed else None
        if history is not None:
            status["history"] = _json(history)
        await self._store.applications.patch(name, {"operation": None, "status": status})
        self._count(app, state)
        log.info("operation ended", application=str(name), phase=state.phase, message=state.message)

    def _count(self, app: Application, state: OperationState) -> None:
        labels = {
            "namespace": app.metadata.namespace,
            "name": app.metadata.name,
            "project": app.spec.project,
            "dest_server": app.spec.destination.server or app.spec.destination.name,
        }
        sync = state.operation.sync
        dry_run = str(bool(sync and sync.dry_run)).lower()
        self._metrics.syncs.labels(**labels, phase=state.phase, dry_run=dry_run).inc()
        if state.started_at and state.finished_at:
            taken = parse_rfc3339(state.finished_at) - parse_rfc3339(state.started_at)
            self._metrics.sync_seconds.labels(**labels).inc(max(0.0, taken.total_seconds()))


# --- states as values ------------------------------------------------------------------------------------


def opening_state(operation: Operation, now: datetime) -> OperationState:
    return OperationState(
        operation=operation, phase=OperationPhase.RUNNING, message="preparing", started_at=rfc3339(now)
    )


def _anew(state: OperationState) -> OperationState:
    """For the next try: nothing of the last one's results holds."""
    return msgspec.structs.replace(state, finished_at=None, sync_result=None)


def _ended_state(state: OperationState, ended: Ended, now: datetime) -> OperationState:
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
    return merge_patch(before, _json(state))


def _json(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def _moment(text: str) -> datetime | None:
    try:
        return parse_rfc3339(text)
    except ValueError:
        return None
