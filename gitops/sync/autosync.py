"""Should this application be synced by itself: because Git moved, or because live drifted?

Beside Argo CD's rules there is one of our own: with `enabled: false` and `selfHeal: true` new commits wait
for a person, and drift is brought back to the revision that was deployed last.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gitops.model.application import Application, Automated, Source
from gitops.model.moments import parse_rfc3339
from gitops.model.operation import (
    HistoryEntry,
    Operation,
    OperationInitiator,
    OperationPhase,
    OperationState,
    RetryStrategy,
    SyncOperation,
    SyncOperationResource,
    SyncResult,
)
from gitops.model.resource import ResourceKey
from gitops.model.status import SyncCode

DEFAULT_RETRY = RetryStrategy(limit=5)
# People who change the same object a few times see it go back each time; who fights on is slowed down.
HEALED_AT_ONCE = 3
FIRST_WAIT = timedelta(seconds=2)
WAIT_FACTOR = 3
LONGEST_WAIT = timedelta(seconds=300)
SHORTEST_REST = timedelta(seconds=10)  # drift that comes back later than that (or twice the wait) is a new one


class Findings(msgspec.Struct, frozen=True):
    """What a comparison found, as far as a decision needs it."""

    status: str  # SyncCode
    revision: str = ""
    revisions: tuple[str, ...] = ()  # of an application with several sources
    out_of_sync: tuple[ResourceKey, ...] = ()  # extraneous ones included
    extraneous: tuple[ResourceKey, ...] = ()  # live, but no longer in Git
    total: int = 0  # objects compared
    drifted: tuple[ResourceKey, ...] = ()  # differ from what was deployed last (history's latest entry)
    foreign: frozenset[ResourceKey] = frozenset()  # belong to another application
    sources: tuple[Mapping[str, Any], ...] = ()  # as the user wrote them

    @property
    def at(self) -> str:
        return ", ".join(self.revisions) or self.revision


class Skip(msgspec.Struct, frozen=True):
    """No sync. `error` when people should see it as a SyncError condition."""

    reason: str
    error: bool = False


class Wait(msgspec.Struct, frozen=True):
    """Decide again then; until then the same drift keeps coming back too fast."""

    duration: timedelta


Decision = Operation | Skip | Wait


def decide_autosync(app: Application, found: Findings, *, now: datetime) -> Decision:
    automated, state = app.spec.automated, app.status.operation_state
    if automated is None:
        return Skip("no automated sync policy")
    if app.metadata.deletion_timestamp:
        return Skip("the application is being deleted")
    if app.operation is not None or (state is not None and state.phase and not state.completed):
        return Skip("another operation is in progress")
    if not automated.syncs_new_commits:
        return _healed_to_deployed(app, automated, found, now) if automated.self_heal else Skip("auto-sync is off")
    return _synced(app, automated, found, now)


def superseded(state: OperationState, found: Findings) -> bool:
    """Whether an automated operation that has failed and waits for its retry is out of date."""
    return state.finished_at is not None and outdated(state, found)


def outdated(state: OperationState, found: Findings) -> bool:
    """Whether a running automated operation is about another commit than the one that is wanted now."""
    sync, result = state.operation.sync, state.sync_result
    runs = not state.completed and state.phase != OperationPhase.TERMINATING
    if not runs or sync is None or not state.operation.initiated_by.automated or sync.resources:
        return False
    tried = (result.revision, result.revisions) if result else (sync.revision, sync.revisions)
    return bool(found.at) and tried != (found.revision, found.revisions)


# --- Git moved -----------------------------------------------------------------------------------------


def _synced(app: Application, automated: Automated, found: Findings, now: datetime) -> Decision:
    if found.status != SyncCode.OUT_OF_SYNC:
        return Skip(f"the application is {found.status or SyncCode.UNKNOWN}")
    if not automated.prune and set(found.out_of_sync) <= set(found.extraneous):
        return Skip("only pruning is left to do, and automated pruning is off")
    if automated.prune and not automated.allow_empty and found.total and len(found.extraneous) >= found.total:
        return Skip(f"Skipping sync attempt to [{found.at}]: auto-sync will wipe out all resources", error=True)
    kept = () if automated.prune else found.extraneous
    drifted = [key for key in found.out_of_sync if key not in kept and key not in found.foreign]
    if not drifted:
        return Skip("what differs belongs to other applications; it is not taken from them by itself")
    state = app.status.operation_state
    if state is None or not _attempted(app, state, found):
        return _operation(app, automated, _to(app, found))
    if state.phase != OperationPhase.SUCCEEDED and not _healed(state):
        return Skip(f"Failed last sync attempt to [{found.at}]: {state.message}", error=True)
    if not automated.self_heal:
        return Skip(f"[{found.at}] has been synced already, and self-heal is off")
    return _heal(app, automated, _to(app, found), drifted, now)


def _to(app: Application, found: Findings) -> SyncOperation:
    """A sync to what was found in Git."""
    asked = SyncOperation(revision=found.revision, revisions=found.revisions)
    return of_sources(asked, found.sources, several=bool(app.spec.sources))


def of_sources(asked: SyncOperation, sources: Sequence[Mapping[str, Any]], *, several: bool) -> SyncOperation:
    """The same sync, saying which sources it is about, as Argo CD's operations do."""
    if several:
        return msgspec.structs.replace(asked, sources=tuple(dict(each) for each in sources))
    return msgspec.structs.replace(asked, source=dict(sources[0])) if sources else asked


def _attempted(app: Application, state: OperationState, found: Findings) -> bool:
    """Whether the last operation was for these very revisions and sources, however it ended."""
    result = state.sync_result
    if result is None:
        return state.completed
    if found.revisions or result.revisions:
        same_revision = found.revisions == result.revisions
    else:
        same_revision = found.revision == result.revision
    return same_revision and _typed_sources(result) == app.spec.all_sources


def _typed_sources(result: SyncResult) -> tuple[Source, ...]:
    raw = result.sources or ((result.source,) if result.source else ())
    return tuple(msgspec.convert(each, Source) for each in raw)


# --- live drifted ----------------------------------------------------------------------------------------


def _healed_to_deployed(app: Application, automated: Automated, found: Findings, now: datetime) -> Decision:
    if not app.status.history:
        return Skip("nothing has been deployed yet that drift could go back to")
    deployed = app.status.history[-1]
    # What a person's own sync wrote since is no drift, though it is not part of any deployment.
    excused = _written_since(app.status.operation_state, deployed)
    drifted = [key for key in found.drifted if key not in excused and key not in found.foreign]
    if not drifted:
        return Skip("nothing has drifted from what was deployed last; new commits wait for a manual sync")
    return _heal(app, automated, restored(deployed), drifted, now)


def restored(entry: HistoryEntry) -> SyncOperation:
    """A sync to exactly what a history entry deployed."""
    return SyncOperation(
        revision=entry.revision,
        source=entry.source if isinstance(entry.source, dict) else None,
        sources=entry.sources if isinstance(entry.sources, tuple) else (),
        revisions=entry.revisions if isinstance(entry.revisions, tuple) else (),
    )


def _written_since(state: OperationState | None, deployed: HistoryEntry) -> frozenset[ResourceKey]:
    if state is None or state.sync_result is None or _healed(state):
        return frozenset()
    before = (deployed.revision, deployed.revisions if isinstance(deployed.revisions, tuple) else ())
    if before == (state.sync_result.revision, state.sync_result.revisions):
        return frozenset()
    return frozenset(ResourceKey(r.group, r.kind, r.namespace, r.name) for r in state.sync_result.resources)


def _heal(
    app: Application, automated: Automated, to: SyncOperation, drifted: Iterable[ResourceKey], now: datetime
) -> Decision:
    """A partial sync of what drifted; the same drift coming back waits longer each time."""
    keys = sorted(drifted)
    state = app.status.operation_state
    attempts = _attempts(state, keys, now)
    left = _wait_left(state, attempts, now)
    if left > timedelta(0):
        return Wait(left)
    resources = tuple(SyncOperationResource(key.group, key.kind, key.name, key.namespace) for key in keys)
    healing = msgspec.structs.replace(to, resources=resources, self_heal_attempts_count=attempts + 1)
    return _operation(app, automated, healing)


def _healed(state: OperationState) -> bool:
    return state.operation.sync is not None and state.operation.sync.self_heal_attempts_count > 0


def _attempts(state: OperationState | None, keys: list[ResourceKey], now: datetime) -> int:
    """How often in a row these objects were healed: other objects, or a rest, begin a new row."""
    sync = state.operation.sync if state else None
    if state is None or sync is None or not _healed(state):
        return 0
    last = {ResourceKey(each.group, each.kind, each.namespace, each.name) for each in sync.resources}
    rest = max(SHORTEST_REST, 2 * backoff(sync.self_heal_attempts_count))
    rested = state.finished_at is not None and now - parse_rfc3339(state.finished_at) > rest
    return 0 if rested or last.isdisjoint(keys) else sync.self_heal_attempts_count


def _wait_left(state: OperationState | None, attempts: int, now: datetime) -> timedelta:
    if not attempts or state is None or state.finished_at is None:
        return timedelta(0)
    return parse_rfc3339(state.finished_at) + backoff(attempts) - now


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many heals in a row: not at all, then 2 s, 6 s, 18 s … up to 300 s."""
    if attempts < HEALED_AT_ONCE:
        return timedelta(0)
    growth: int = WAIT_FACTOR ** min(attempts - HEALED_AT_ONCE, 10)
    return min(FIRST_WAIT * growth, LONGEST_WAIT)


def _operation(app: Application, automated: Automated, sync: SyncOperation) -> Operation:
    policy = app.spec.sync_policy
    options: dict[str, Any] = {"prune": automated.prune, "sync_options": app.spec.sync_options}
    return Operation(
        sync=msgspec.structs.replace(sync, **options),
        initiated_by=OperationInitiator(automated=True),
        retry=(policy.retry if policy else None) or DEFAULT_RETRY,
    )
