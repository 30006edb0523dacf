"""Running operations: at most one per application, each carried to its one end, whatever crashes.

What must survive a crash is written to the Application before it is relied on. After a start, an
operation found on an Application is simply taken up again: what is on record is not done twice.
"""

import asyncio
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from adapters.clock import Clock
from adapters.store.events import OPERATION_COMPLETED, OPERATION_STARTED
from adapters.store.store import Store
from app_controller.metrics import Metrics
from app_controller.reconcile.announcer import Tell
from app_controller.reconcile.attempt import Attempt
from app_controller.reconcile.attempt_terms import Ended, Preparation, first_of
from app_controller.reconcile.operation_state import (
    abridged,
    anew,
    as_json,
    ended_state,
    given_up,
    next_try_of,
    opening_state,
    revision_of,
    says_anything,
    state_patch,
    until_begun,
    waiting_state,
)
from app_controller.reconcile.status_size import is_too_large
from gitops.manifest.annotations import deletion_approved_at
from gitops.model.application import Application, AppName
from gitops.model.errors import ClusterRefused, Conflict, GitOpsError, InvalidSpec, NotFound
from gitops.model.moments import parse_rfc3339, rfc3339
from gitops.model.operation import Operation, OperationPhase, OperationState
from gitops.sync.history import with_deployment
from gitops.sync.retry import attempt_of, next_retry

log = structlog.get_logger()

FIRST_PAUSE = timedelta(seconds=2)  # before an operation whose record could not be written is taken up again
LONGEST_PAUSE = timedelta(minutes=1)
NEVER_STORED = frozenset({400, 413, 422})  # what the API server says of a record it will not take at any time


class Run:
    """One operation under way: what its task needs to be told from outside."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()  # a managed object or the Application changed
        self.terminating = asyncio.Event()
        self.superseded = asyncio.Event()  # a newer commit makes another try pointless
        self.outdated = asyncio.Event()  # there is a newer commit, though this one has not failed
        self.approved_at: datetime | None = None

    @property
    def gives_up(self) -> bool:
        """Whether another try makes no sense."""
        return self.terminating.is_set() or self.superseded.is_set() or self.outdated.is_set()


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
        tell: Tell,
    ) -> None:
        self._store = store
        self._preparation = preparation
        self._clock = clock
        self._metrics = metrics
        self._deadline = deadline
        self._wave_pause = wave_pause
        self._ended = ended
        self._tell = tell
        self._runs: dict[AppName, Run] = {}
        self._interruptions: dict[AppName, int] = {}
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

    def notice(self, app: Application, raw: Mapping[str, Any]) -> None:
        """The Application as a visit saw it: take up its operation, or pass on what a person decided."""
        if app.operation is not None:
            self._begin(app.key)
            self.hear(app.key, raw)

    def hear(self, name: AppName, raw: Mapping[str, Any]) -> None:
        """A change of the Application, which may hold what a person decided about its operation."""
        run = self._runs.get(name)
        if run is None:
            return
        if ((raw.get("status") or {}).get("operationState") or {}).get("phase") == OperationPhase.TERMINATING:
            run.terminating.set()
        run.approved_at = deletion_approved_at(raw)
        run.changed.set()

    async def start(self, app: Application, operation: Operation) -> None:
        """Record an operation and begin it, in one write. Conflict: the Application changed meanwhile."""
        if app.operation is not None or self.running(app.key):
            raise Conflict(f"another operation of {app.key} is already in progress")
        state = opening_state(operation, self._clock.now(), before=app.status.operation_state)
        before = self._store.applications.raw(app.key) or {}
        patch = {"operation": as_json(operation), "status": {"operationState": state_patch(before, state)}}
        await self._store.applications.patch(app.key, patch, resource_version=app.metadata.resource_version)
        self._tell(app, OPERATION_STARTED, f"Initiated automated sync to '{revision_of(state)}'")
        self._begin(app.key)

    async def mend(self, app: Application) -> None:
        """A state on record that says it goes on, without an operation: it has no end but the one we give it."""
        state = app.status.operation_state
        left_over = app.operation is None and state is not None and bool(state.phase) and not state.completed
        if state is None or not left_over or self.running(app.key):
            return
        log.warning("operation state without an operation", application=str(app.key), phase=state.phase)
        ended = Ended(OperationPhase.FAILED, "The operation was removed while it ran")
        patch = state_patch(self._store.applications.raw(app.key) or {}, ended_state(state, ended, self._clock.now()))
        await self._store.applications.patch(
            app.key, {"status": {"operationState": patch}}, resource_version=app.metadata.resource_version
        )

    def supersede(self, name: AppName) -> None:
        """Git has moved on: a failed operation that waits to be tried again ends as it stands."""
        run = self._runs.get(name)
        if run is not None:
            run.superseded.set()

    def outdate(self, name: AppName) -> None:
        """Git has moved on: the operation goes on, but will not wait long for health nor be tried again."""
        run = self._runs.get(name)
        if run is not None:
            run.outdated.set()

    def abandon(self, name: AppName) -> None:
        """The application goes: its operation ends as if a person had terminated it, its hooks with it."""
        self._interruptions.pop(name, None)
        run = self._runs.get(name)
        if run is not None:
            run.terminating.set()

    def _begin(self, name: AppName) -> None:
        if self._tasks is None or name in self._runs:
            return
        run = self._runs[name] = Run()
        self._tasks.create_task(self._carry(name, run), name=f"operation {name}")

    async def _carry(self, name: AppName, run: Run) -> None:
        try:
            await self._carried_out(name, run)
            self._interruptions.pop(name, None)
        except GitOpsError as error:
            log.warning("operation interrupted", application=str(name), error=str(error))
            await self._interrupted(name, error)
        except Exception:  # a bug must not take the other operations with it, nor be met again and again
            log.error("operation failed", application=str(name), trace=traceback.format_exc())
            await self._give_up(name, "internal error; the controller's log says more")
        finally:
            del self._runs[name]
            self._ended(name)

    async def _interrupted(self, name: AppName, error: GitOpsError) -> None:
        """Its record cannot be written: it is taken up again from there later, unless it will never be written."""
        if isinstance(error, ClusterRefused) and error.status in NEVER_STORED:
            await self._give_up(name, f"the state of the operation cannot be stored: {error}")
        times = self._interruptions.get(name, 0)
        self._interruptions[name] = times + 1
        await self._clock.sleep(min(FIRST_PAUSE * (1 << min(times, 10)), LONGEST_PAUSE))

    async def _give_up(self, name: AppName, message: str) -> None:
        try:
            app = self._store.applications.get(name)
            state = app.status.operation_state if app is not None else None
            if app is not None and app.operation is not None:
                if state is None or state.completed or state.operation != app.operation:
                    state = opening_state(app.operation, self._clock.now(), before=state)
                ended = Ended(OperationPhase.ERROR, message)
                await self._close(name, ended_state(state, ended, self._clock.now()))
        except GitOpsError as error:
            log.warning("operation not closed", application=str(name), error=str(error))

    # --- one operation, from its record to its end ------------------------------------------------------

    async def _carried_out(self, name: AppName, run: Run) -> None:
        app = self._store.applications.get(name)
        if app is None or app.operation is None:
            return None
        state, opened = self._taken_up(app, app.operation)
        await self._clock.sleep(until_begun(state, self._clock.now()))
        deadline = parse_rfc3339(state.started_at or rfc3339(self._clock.now())) + self._deadline
        if state.finished_at is not None and not await self._waited(run, next_try_of(state)):
            return await self._close(name, given_up(state, terminated=run.terminating.is_set(), now=self._clock.now()))
        state = anew(state) if state.finished_at is not None else state
        while True:
            ended = await self._attempted(name, run, state, deadline, opened=opened)
            opened = True
            if ended.interrupted:
                state = msgspec.structs.replace(state, sync_result=ended.result)
                await self.record(name, state)
                continue
            state = ended_state(state, ended, self._clock.now())
            try:
                again = None if run.gives_up else next_retry(state, self._clock.now())
            except InvalidSpec as error:
                again, state = None, msgspec.structs.replace(state, message=f"{state.message}; no other try: {error}")
            if again is None or again >= deadline:
                return await self._close(name, state, deployed=ended.deployed)
            waiting = waiting_state(state, again)
            await self.record(name, waiting)
            if not await self._waited(run, again):
                return await self._close(
                    name, given_up(state, terminated=run.terminating.is_set(), now=self._clock.now())
                )
            state = anew(waiting)

    def _taken_up(self, app: Application, operation: Operation) -> tuple[OperationState, bool]:
        """The running state on record that a crash left, or a new one; and whether it is on record."""
        present = app.status.operation_state
        if present is not None and present.phase and not present.completed and present.operation == operation:
            log.info("operation taken up", application=str(app.key))
            return present, True
        return opening_state(operation, self._clock.now(), before=present), False

    async def _attempted(
        self, name: AppName, run: Run, state: OperationState, deadline: datetime, *, opened: bool
    ) -> Ended:
        attempt = Attempt(
            name=name,
            signals=run,
            state=state,
            opened=opened,
            preparation=self._preparation,
            clock=self._clock,
            record=self.record,
            deadline=deadline,
            wave_pause=self._wave_pause,
        )
        return await attempt.carry_out()

    async def record(self, name: AppName, state: OperationState) -> None:
        raw = self._store.applications.raw(name)
        if raw is None:
            return  # deleted meanwhile: there is nothing left to keep a record on
        on_record = ((raw.get("status") or {}).get("operationState") or {}).get("phase")
        if on_record == OperationPhase.TERMINATING and not state.completed:
            state = msgspec.structs.replace(state, phase=OperationPhase.TERMINATING)
        await self._write(name, state, lambda told: {"status": {"operationState": state_patch(raw, told)}})

    async def _waited(self, run: Run, again: datetime) -> bool:
        """False: there is no use in another try."""
        await first_of(run.terminating, run.superseded, within=max(timedelta(0), again - self._clock.now()))
        return not run.gives_up

    async def _close(self, name: AppName, state: OperationState, *, deployed: bool = False) -> None:
        """The end on record, in one write: state, history, and no operation any more."""
        raw = self._store.applications.raw(name)
        app = self._store.applications.get(name)
        if raw is None or app is None:
            return
        history = with_deployment(app, state) if deployed else None

        def patch(told: OperationState) -> dict[str, Any]:
            status: dict[str, Any] = {"operationState": state_patch(raw, told)}
            if history is not None:
                status["history"] = as_json(history)
            # One that somebody has put in its place meanwhile is not ours to remove.
            ours = app.operation is None or app.operation == state.operation
            return {"status": status, **({"operation": None} if ours else {})}

        await self._write(name, state, patch)
        self._count(app, state)
        self._tell_end(app, state)
        log.info(
            "operation ended",
            application=str(name),
            phase=state.phase,
            message=state.message,
            attempt=attempt_of(state),
        )

    async def _write(
        self, name: AppName, state: OperationState, patch_of: Callable[[OperationState], dict[str, Any]]
    ) -> None:
        """Results of thousands of objects may be more than the API server stores: then the dull ones are left out."""
        with suppress(NotFound):
            try:
                patch = patch_of(state)
                if says_anything(patch):
                    await self._store.applications.patch(name, patch)
            except ClusterRefused as refusal:
                if not is_too_large(refusal):
                    raise
                log.warning("operation state too large", application=str(name))
                await self._store.applications.patch(name, patch_of(abridged(state)))

    def _tell_end(self, app: Application, state: OperationState) -> None:
        sync = state.operation.sync
        what = "Partial sync operation" if sync is not None and sync.resources else "Sync operation"
        if revision := revision_of(state):
            what = f"{what} to {revision}"
        if state.retry_count:
            what = f"{what} ({attempt_of(state)})"
        if state.phase == OperationPhase.SUCCEEDED:
            self._tell(app, OPERATION_COMPLETED, f"{what} succeeded")
        else:
            self._tell(app, OPERATION_COMPLETED, f"{what} failed: {state.message}", "Warning")

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
